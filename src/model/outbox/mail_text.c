#include "model/outbox/mail_text.h"

#include "base/utf8.h"

static const char *const kind_names[MAIL_KIND_END] = {
    [MAIL_INVITATION] = "invitation",
    [MAIL_PASSWORD_RESET] = "password_reset",
    [MAIL_TICKET] = "ticket",
    [MAIL_TICKET_COMMENT] = "ticket_comment",
    [MAIL_REFERRAL] = "referral",
    [MAIL_INCIDENT] = "incident",
    [MAIL_INCIDENT_SUMMARY] = "incident_summary",
    [MAIL_CLAIM] = "claim",
    [MAIL_SIGN_UP] = "sign_up",
    [MAIL_TEST] = "test",
    [MAIL_JOIN] = "invitation",
    [MAIL_REFERRAL_ACCEPTED] = "referral",
};

const char *mail_kind_name(enum mail_kind kind)
{
    return kind > 0 && kind < MAIL_KIND_END ? kind_names[kind] : NULL;
}

static struct str or_text(struct str text, struct str otherwise)
{
    return text.len ? text : otherwise;
}

/* "Ada of Harbour College", as far as it is known. */
static struct str who(const struct mail *mail, struct arena *arena)
{
    if (mail->by.len && mail->tenant_name.len) {
        return arena_printf(arena, "%.*s of %.*s", STR_ARG(mail->by), STR_ARG(mail->tenant_name));
    }
    return or_text(mail->by, or_text(mail->tenant_name, STR("Somebody")));
}

static struct str subject_of(const struct mail *mail, struct arena *arena)
{
    struct str tenant = or_text(mail->tenant_name, STR("Muster"));
    switch (mail->kind) {
    case MAIL_INVITATION:
    case MAIL_JOIN:
        return arena_printf(arena, "Invitation to %.*s", STR_ARG(tenant));
    case MAIL_PASSWORD_RESET:
        return STR("Set a new password");
    case MAIL_TICKET:
        return arena_printf(arena, "New ticket: %.*s", STR_ARG(mail->title));
    case MAIL_TICKET_COMMENT:
        return arena_printf(arena, "Comment on ticket: %.*s", STR_ARG(mail->title));
    case MAIL_REFERRAL:
        return arena_printf(arena, "%.*s invites you", STR_ARG(tenant));
    case MAIL_REFERRAL_ACCEPTED:
        return arena_printf(arena, "New customer: %.*s", STR_ARG(mail->title));
    case MAIL_INCIDENT:
        return arena_printf(arena, "Incident: %.*s", STR_ARG(mail->title));
    case MAIL_INCIDENT_SUMMARY:
        return arena_printf(arena, "Incidents of %.*s, %.*s", STR_ARG(tenant), STR_ARG(mail->title));
    case MAIL_CLAIM:
        return arena_printf(arena, "Claimed: %.*s", STR_ARG(mail->title));
    case MAIL_SIGN_UP:
        return STR("Confirm your e-mail address");
    case MAIL_TEST:
        return STR("Test of the mail relay");
    case MAIL_KIND_END:
        break;
    }
    return STR("Muster");
}

static struct str text_of(const struct mail *mail, struct arena *arena)
{
    struct str tenant = or_text(mail->tenant_name, STR("Muster"));
    struct str author = who(mail, arena);
    switch (mail->kind) {
    case MAIL_INVITATION:
        return arena_printf(arena,
                            "%.*s invites you to %.*s.\n\nSet your name and password here. The link works once, for a "
                            "limited time:",
                            STR_ARG(or_text(mail->by, STR("An administrator"))), STR_ARG(tenant));
    case MAIL_JOIN:
        return arena_printf(arena,
                            "%.*s invites you to %.*s.\n\nYou have an account already: sign in with it and accept the "
                            "invitation here. The link works once, for a limited time. If you do not want to, nothing has "
                            "to be done:",
                            STR_ARG(or_text(mail->by, STR("An administrator"))), STR_ARG(tenant));
    case MAIL_PASSWORD_RESET:
        return STR("Somebody, probably you, asked for a new password for this address.\n\nSet it here. The link works "
                   "once, for a limited time. If it was not you, nothing has to be done:");
    case MAIL_TICKET:
    case MAIL_TICKET_COMMENT:
        return arena_printf(arena, "%.*s wrote:\n\n%.*s", STR_ARG(author), STR_ARG(mail->text));
    case MAIL_REFERRAL:
        return arena_printf(arena, "%.*s invites you to manage your devices.\n\n%.*s%sSign up here:", STR_ARG(author),
                            STR_ARG(mail->text), mail->text.len ? "\n\n" : "");
    case MAIL_REFERRAL_ACCEPTED:
        return arena_printf(arena, "%.*s accepted your invitation: %.*s is your customer now.", STR_ARG(author),
                            STR_ARG(mail->title));
    case MAIL_INCIDENT:
        return arena_printf(arena, "%.*s\n%.*s\n\n%.*s", STR_ARG(mail->title), STR_ARG(mail->where), STR_ARG(mail->text));
    case MAIL_INCIDENT_SUMMARY:
        return mail->text;
    case MAIL_CLAIM:
        return arena_printf(arena, "%.*s claimed %.*s into %.*s.", STR_ARG(author), STR_ARG(mail->title),
                            STR_ARG(mail->where));
    case MAIL_SIGN_UP:
        return arena_printf(arena, "This address was used to sign up with %.*s.\n\nConfirm it here. If it was not you, "
                            "nothing has to be done:", STR_ARG(tenant));
    case MAIL_TEST:
        return STR("Mail of this installation arrives.");
    case MAIL_KIND_END:
        break;
    }
    return STR("");
}

/* At most `bytes_max` bytes, whole characters only. */
static struct str cut(struct str text, size_t bytes_max)
{
    size_t len = 0;
    while (len < text.len) {
        size_t next = utf8_next(str_sub(text, len, text.len));
        if (!next || len + next > bytes_max) {
            break;
        }
        len += next;
    }
    return str_sub(text, 0, len);
}

/* Names and titles come from people. */
static struct str one_line(struct str text, struct arena *arena)
{
    char *copy = arena_alloc(arena, text.len + 1);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        copy[i] = c < 0x20 || c == 0x7f ? ' ' : text.ptr[i];
    }
    return (struct str){copy, text.len};
}

void mail_text(const struct mail *mail, struct arena *arena, struct str *ret_subject, struct str *ret_text)
{
    *ret_subject = one_line(cut(subject_of(mail, arena), MAIL_SUBJECT_BYTES_MAX), arena);
    *ret_text = str_trim(cut(text_of(mail, arena), MAIL_TEXT_BYTES_MAX));
}
