/*
 * requirement_line - may a line of a requirements.txt go to pip? Taken is only what names packages:
 * with extras, versions, a marker and hashes, or at an address of the web; and options that choose
 * among packages. All else could make pip read files that the caller has no right to.
 */
#ifndef PLUGINS_LOCAL_REQUIREMENT_LINE_H
#define PLUGINS_LOCAL_REQUIREMENT_LINE_H

/* line: without comment and space around it, not empty. NULL: it may; else what is wrong with it,
 * as the end of a sentence that begins with the line. */
const char *requirement_line_fault(const char *line);

#endif
