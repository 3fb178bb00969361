/* management-api.md 10; set-up (portal.md 2) */
#include "api/openapi/description.h"

#define SESSION "/core/v1/session"
#define SYSTEM "/core/v1/system"

const struct description session_descriptions[] = {
    {"GET", "/core/v1/openapi.json", "This document", NULL, NULL, "object"},
    {"GET", "/core/v1/setup", "Whether the installation is to be set up", NULL, NULL, "object"},
    {"GET", "/core/v1/setup/:token", "What the set-up page asks for", NULL, NULL, "object"},
    {"POST", "/core/v1/setup/:token", "Set the installation up", NULL,
     "{name! text<=255; email! email; password! text; partner_name! text<=255; public_url text<=255; mqtt_url text<=255; short_code text<=255}",
     "201 object"},
    {"POST", SESSION, "Sign in", NULL, "{email! text; password! text; otp text}", "Session"},
    {"GET", SESSION, "Who is signed in", NULL, NULL, "Session"},
    {"DELETE", SESSION, "Sign out", NULL, NULL, "success"},
    {"POST", SESSION "/tenant", "Act for another tenant", NULL, "{kind! enum(partner|organization); id! uuid}", "Session"},
    {"POST", SESSION "/invitation", "Accept an invitation into another tenant", NULL, "{token! text}", "Session"},
    {"POST", SESSION "/password", "Change the password", NULL, "{current! text; password! text}", "object"},
    {"POST", SESSION "/reset", "Ask for a link that resets the password, or use it", NULL,
     "{email text; token text; password text; name text<=255}", "object"},
    {"POST", SESSION "/otp", "Turn one-time codes on or off", NULL,
     "{action! enum(start|confirm|off); code text; password text}", "object"},
    {"GET", SESSION "/preferences", "Preferences of the person", NULL, NULL, "object"},
    {"PUT", SESSION "/preferences", "Replace the preferences", NULL, "object", "object"},
    /* --- the installation (10.2) --- */
    {"GET", SYSTEM "/settings", "Settings of the installation", NULL, NULL, "{urls object; listeners [object]; settings object; smtp MailRelay}"},
    {"PATCH", SYSTEM "/settings", "Change settings of the installation", NULL, "{settings object; smtp MailRelay}",
     "{urls object; listeners [object]; settings object; smtp MailRelay}"},
    {"POST", SYSTEM "/settings/smtp/test", "Send a mail that says that mail arrives", NULL, "{to! email}", "201 Mail"},
    {"GET", SYSTEM "/mails", "All mails, newest first", PAGE, NULL, "data Mail"},
    {"POST", SYSTEM "/mails/:id/retry", "Send it again", NULL, NULL, "Mail"},
    {0},
};
