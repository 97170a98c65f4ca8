/* Every public header compiles by itself as C++17, twice in one file, and with the macros used
 * as providers and hosts use them. */
#include <davit/manifest.h>
#include <davit/provider.h>
#include <davit/sdk.h>
/* again: the guards hold */
#include <davit/abi.h>
#include <davit/host.h>
#include <davit/manifest.h>
#include <davit/provider.h>
#include <davit/sdk.h>

#include "use.h"
