/* management-api.md 3.8, 5.10 and 6.2: people, groups, what spaces grant to them */
#include "api/openapi/description.h"

#define ORGANIZATION "/core/v1/organization"
#define SPACE ORGANIZATION "/spaces/:id"
#define ASSET "kind text<=255; serial text<=255; note text<=10000"
#define PARTNER "/core/v1/partner"
#define NEW_USER "{email! email; name! text<=255; group_ids! [uuid]}"
#define USER_IDS "{user_ids! [uuid]<=1000}"
#define LEVEL " enum(none|read|service|write)"
#define PERMISSIONS \
    "permissions {models" LEVEL "; devices" LEVEL "; customers" LEVEL "; licenses" LEVEL "; tickets" LEVEL "; settings" LEVEL \
    "; users" LEVEL "}"

const struct description people_descriptions[] = {
    {"GET", ORGANIZATION "/users", "Active people", PAGE, NULL, "items User"},
    {"GET", ORGANIZATION "/users/:id", "One person", NULL, NULL, "User"},
    {"POST", ORGANIZATION "/users", "Invite somebody", NULL, NEW_USER, "User"},
    {"POST", ORGANIZATION "/users/:id/deactivate", "Shut a person out", NULL, NULL, "User"},
    {"POST", ORGANIZATION "/users/:id/resend_welcome", "Invite again", NULL, NULL, "User"},
    {"POST", ORGANIZATION "/users/:id/reset_otp", "Turn a person's one-time codes off", NULL, NULL, "User"},
    {"GET", ORGANIZATION "/groups", "Groups", PAGE, NULL, "items Group"},
    {"GET", ORGANIZATION "/groups/:id", "One group", NULL, NULL, "Group"},
    {"POST", ORGANIZATION "/groups", "Add a group", NULL, "{name! text<=255; user_ids [uuid]<=1000}", "Group"},
    {"PUT", ORGANIZATION "/groups/:id", "Rename a group", NULL, "{name! text<=255}", "Group"},
    {"DELETE", ORGANIZATION "/groups/:id", "Delete a group", NULL, NULL, "success"},
    {"POST", ORGANIZATION "/groups/:id/add_users", "Put people into a group", NULL, USER_IDS, "Group"},
    {"POST", ORGANIZATION "/groups/:id/remove_users", "Take people out of a group", NULL, USER_IDS, "Group"},
    {"POST", ORGANIZATION "/groups/:id/add_external_user", "Put somebody of another tenant into a group", NULL, "{email! email}", "Group"},
    {"GET", PARTNER "/users", "Active people", PAGE, NULL, "data User"},
    {"GET", PARTNER "/users/:id", "One person", NULL, NULL, "User"},
    {"POST", PARTNER "/users", "Invite somebody", NULL, NEW_USER, "201 User"},
    {"PATCH", PARTNER "/users/:id", "Change a person", NULL, "{name text<=255; group_ids [uuid]}", "User"},
    {"POST", PARTNER "/users/:id/deactivate", "Shut a person out", NULL, NULL, "User"},
    {"POST", PARTNER "/users/:id/resend_welcome", "Invite again", NULL, NULL, "User"},
    {"POST", PARTNER "/users/:id/reset_otp", "Turn a person's one-time codes off", NULL, NULL, "User"},
    {"GET", PARTNER "/groups", "Groups", PAGE, NULL, "data Group"},
    {"GET", PARTNER "/groups/:id", "One group", NULL, NULL, "Group"},
    {"POST", PARTNER "/groups", "Add a group", NULL, "{name! text<=255; user_ids [uuid]<=1000; " PERMISSIONS "}", "201 Group"},
    {"PATCH", PARTNER "/groups/:id", "Change a group", NULL, "{name text<=255; " PERMISSIONS "}", "Group"},
    {"PUT", PARTNER "/groups/:id", "The same", NULL, "{name text<=255; " PERMISSIONS "}", "Group"},
    {"DELETE", PARTNER "/groups/:id", "Delete a group", NULL, NULL, "success"},
    {"POST", PARTNER "/groups/:id/add_users", "Put people into a group", NULL, USER_IDS, "Group"},
    {"POST", PARTNER "/groups/:id/remove_users", "Take people out of a group", NULL, USER_IDS, "Group"},
    {"POST", "/core/v1/system/users/reset_otp", "Turn anybody's one-time codes off", NULL, "{email! text<=254}", "success"},
    {"GET", SPACE "/access", "Who may what in a space", NULL, NULL, "SpaceAccess"},
    {"PUT", SPACE "/access", "Replace that list", NULL,
     "[{user_id uuid; group_id uuid; role! enum(view|edit|admin)}]<=500", "SpaceAccess"},
    {"GET", SPACE "/assets", "Equipment without a connection", PAGE, NULL, "items Asset"},
    {"POST", SPACE "/assets", "Add equipment", NULL, "{name! text<=255; " ASSET "}", "201 Asset"},
    {"PATCH", SPACE "/assets/:asset_id", "Change equipment", NULL, "{name text<=255; " ASSET "}", "Asset"},
    {"DELETE", SPACE "/assets/:asset_id", "Remove equipment", NULL, NULL, "success"},
    {"GET", ORGANIZATION "/usage", "Devices per space", PAGE, NULL,
     "items {space_id int; name text; full_path text; devices_count int(0..)}"},
    {0},
};
