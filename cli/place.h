/* place - where the daemon and its companions are on this machine. [one thread] */
#ifndef CLI_PLACE_H
#define CLI_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include <limits.h>

struct fail;

#define PLACE_SYSTEM_SOCKET "/var/lib/davit/run/davitd.sock"

/* The folder of a user's own site: $XDG_DATA_HOME/davit or ~/.local/share/davit. */
bool place_user_site(char path[PATH_MAX], struct fail *f);

/* "unix://…" of the socket of the system's daemon, or where that is not there and the user's
 * own site has one, of that. Constant until the process ends. */
const char *place_default_host(void);

/* davitd: beside this program, where an install puts it, or in PATH. FAIL_NOT_FOUND. */
bool place_davitd(char path[PATH_MAX], struct fail *f);

#endif
