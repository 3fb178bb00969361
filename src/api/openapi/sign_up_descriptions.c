/* management-api.md 5.10: referrals; portal.md 3: sign-up */
#include "api/openapi/description.h"

#define PARTNER "/core/v1/partner"
#define SIGN_UP "/core/v1/signup"

const struct description sign_up_descriptions[] = {
    {"GET", PARTNER "/referrals", "Companies that were invited to become customers", "status enum(pending|accepted|revoked|expired); " PAGE,
     NULL, "data Referral"},
    {"POST", PARTNER "/referrals", "Invite a company to become a customer", NULL,
     "{email! email; organization_name text<=255; message text<=4096}", "201 Referral"},
    {"DELETE", PARTNER "/referrals/:id", "Void the invitation", NULL, NULL, "success"},
    {"GET", SIGN_UP, "Whether sign-up is offered on this origin, and by whom", NULL, NULL, "{self_signup! bool; partner! text?}"},
    {"POST", SIGN_UP, "Ask for a link to sign up with", NULL, "{email! email}", "success"},
    {"GET", SIGN_UP "/:token", "What the page behind the link shows", NULL, NULL,
     "{kind! enum(referral|sign_up); email! text; partner! text; organization_name text?; expires_at time; has_account! bool}"},
    {"POST", SIGN_UP "/:token", "Become a customer", NULL, "{organization_name! text<=255; name text<=255; password text}",
     "201 {organization! {id uuid; name text}}"},
    {0},
};
