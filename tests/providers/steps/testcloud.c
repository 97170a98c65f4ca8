/* testcloud.c for a provider whose own davit_provider_query() asks it: see tests/sim/chain.c. */
#define davit_provider_query testcloud_query
#include "../testcloud/testcloud.c"
