#include "model/claim/claim_find.h"

#include "model/maker/catalog.h"
#include "model/domain.h"
#include "model/management/form.h"
#include "model/registration/registration.h"

enum { CANDIDATES_MAX = 32, SHORT_CODE_CHARS = 4, IDENTIFIER_CHARS_MAX = 255 };

static struct str text_of(struct admin *admin, const struct json *body, const char *name)
{
    struct str text = {NULL, 0};
    const struct json *value = json_get(body, name);
    if (!json_is_missing(value)) {
        json_to_text(value, admin->arena, &text);
    }
    return str_trim(text);
}

static bool blank(struct admin *admin, const char *label)
{
    reply_error(admin->reply, 422, "%s can't be blank", label);
    return false;
}

bool claim_identifiers_check(struct admin *admin, const struct json *body)
{
    struct str cloud_id = {NULL, 0}, mac = {NULL, 0}, sn = {NULL, 0};
    if (!form_text(admin, body, "cloud_id", IDENTIFIER_CHARS_MAX, &cloud_id) || !form_text(admin, body, "mac", IDENTIFIER_CHARS_MAX, &mac) ||
        !form_text(admin, body, "sn", IDENTIFIER_CHARS_MAX, &sn)) {
        return false;
    }
    if (cloud_id.len) {
        return true;
    }
    if (!mac.len && !sn.len && json_is_missing(json_get(body, "mac")) && json_is_missing(json_get(body, "sn"))) {
        return blank(admin, "Cloud id");
    }
    if (!mac.len) {
        return blank(admin, "Mac");
    }
    return sn.len || blank(admin, "Sn");
}

enum claim_result claim_result_of(struct domain *domain, const struct device_core *device, int64_t organization_no)
{
    struct model_info model = {0};
    struct organization_info organization = {0};
    catalog_model(domain->catalog, device->model_no, &model);
    catalog_organization(domain->catalog, organization_no, &organization);
    if (device->organization_no) {
        return device->organization_no == organization_no ? CLAIM_HERE : CLAIM_ELSEWHERE;
    }
    if (!model.published && !(organization.lab && organization.partner_no == device->partner_no)) {
        return CLAIM_UNPUBLISHED;
    }
    return device->parent_no ? CLAIM_CHILD : CLAIM_POSSIBLE;
}

struct search {
    struct admin *admin;
    struct store_tx *tx;
    int64_t organization_no;
    bool auth_cloud_id; /* the method that the identifier belongs to */
    struct str digits;  /* of a derived code, to be checked in full; empty: none */
    struct device_core found;
    enum claim_result result;
};

/* Several devices may have one MAC and serial number, in models of different makers. What can be claimed wins; two of
 * those are ambiguous; else the answer that tells the asker most. */
static unsigned rank(enum claim_result result)
{
    static const unsigned ranks[] = {
        [CLAIM_NOT_REGISTERED] = 0, [CLAIM_ELSEWHERE] = 3, [CLAIM_UNPUBLISHED] = 1, [CLAIM_CHILD] = 2,
        [CLAIM_HERE] = 4,           [CLAIM_POSSIBLE] = 5,  [CLAIM_AMBIGUOUS] = 6,
    };
    return ranks[result];
}

static void offer(struct search *search, const struct device_core *device)
{
    enum claim_result result = claim_result_of(search->admin->domain, device, search->organization_no);
    if (result == CLAIM_POSSIBLE && search->result == CLAIM_POSSIBLE) {
        search->result = CLAIM_AMBIGUOUS;
    } else if (rank(result) > rank(search->result)) {
        search->result = result;
        search->found = *device;
    }
}

static enum err consider(struct search *search, int64_t no)
{
    struct device_row row;
    struct model_info model = {0};
    enum err err = device_store_row(search->tx, no, search->admin->arena, &row);
    if (err != ERR_OK) {
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    catalog_model(search->admin->domain->catalog, row.core.model_no, &model);
    if (model.auth_cloud_id == search->auth_cloud_id &&
        (!search->digits.len || claim_code_matches(search->digits, row.mac, row.sn))) {
        offer(search, &row.core);
    }
    return ERR_OK;
}

static enum err consider_all(struct search *search, const int64_t *nos, size_t count)
{
    enum err err = ERR_OK;
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        err = consider(search, nos[i]);
    }
    return err;
}

/* <short code of the maker><20 hex digits> */
static enum err search_code(struct search *search, struct str text)
{
    int64_t code, partner_no = 0, nos[CANDIDATES_MAX];
    size_t count = 0;
    struct str digits = str_sub(text, SHORT_CODE_CHARS, text.len);
    if (digits.len != CLAIM_CODE_DIGITS || !claim_code_number(digits, &code)) {
        return ERR_OK;
    }
    enum err err = registration_short_code_holder(search->tx, str_sub(text, 0, SHORT_CODE_CHARS), &partner_no);
    if (err == ERR_OK && partner_no) {
        err = device_store_by_claim_code(search->tx, code, nos, CANDIDATES_MAX, &count);
    }
    search->auth_cloud_id = false;
    search->digits = digits;
    err = err == ERR_OK ? consider_all(search, nos, count) : err;
    if (err == ERR_OK && search->found.no && search->found.partner_no != partner_no) {
        search->result = CLAIM_NOT_REGISTERED;
    }
    return err;
}

static enum err search_cloud_id(struct search *search, struct str cloud_id)
{
    int64_t no = 0;
    enum err err = device_store_cloud_id_holder(search->tx, cloud_id, &no);
    search->auth_cloud_id = true;
    if (err == ERR_OK && no) {
        err = consider(search, no);
    }
    return err == ERR_OK && search->result == CLAIM_NOT_REGISTERED ? search_code(search, cloud_id) : err;
}

static enum err search_mac_sn(struct search *search, struct str mac, struct str sn)
{
    int64_t nos[CANDIDATES_MAX];
    size_t count = 0;
    search->auth_cloud_id = false;
    enum err err = device_store_by_mac_sn(search->tx, mac_normalize(mac, search->admin->arena), sn, nos, CANDIDATES_MAX, &count);
    return err == ERR_OK ? consider_all(search, nos, count) : err;
}

enum err claim_find(struct admin *admin, struct store_tx *tx, int64_t organization_no, const struct json *body,
                    struct device_core *ret_device, enum claim_result *ret_result)
{
    struct search search = {.admin = admin, .tx = tx, .organization_no = organization_no};
    struct str cloud_id = text_of(admin, body, "cloud_id");
    enum err err = cloud_id.len ? search_cloud_id(&search, cloud_id)
                                : search_mac_sn(&search, text_of(admin, body, "mac"), text_of(admin, body, "sn"));
    *ret_device = search.found;
    *ret_result = search.result;
    return err;
}
