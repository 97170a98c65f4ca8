/* aws_region - names of regions, which become part of host names. [any] */
#ifndef PLUGINS_KIT_AWS_REGION_H
#define PLUGINS_KIT_AWS_REGION_H

#include <stdbool.h>

/* 1 to 63 of a-z, 0-9 and '-': nothing that leads to another host. */
bool aws_region_valid(const char *region);

/* "amazonaws.com", or what the region's partition has instead. */
const char *aws_region_suffix(const char *region);

#endif
