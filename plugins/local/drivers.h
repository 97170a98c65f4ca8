/* drivers - the Python programs of this provider, as texts: compiled in, so that no file of the
 * installation can be another version's. */
#ifndef PLUGINS_LOCAL_DRIVERS_H
#define PLUGINS_LOCAL_DRIVERS_H

extern const char batch_driver[];       /* batch_driver.py: predicts the rows of a data set */
extern const char function_driver[];    /* function_driver.py: runs a caller's function */
extern const char environment_driver[]; /* environment_driver.py: makes a Python environment */

#endif
