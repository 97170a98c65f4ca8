/*
 * test_point - places where a test makes davit-run die or stop, to prove what its successor
 * does. Exists in the test build alone; in the program that is shipped it is nothing.
 */
#ifndef HOST_RUN_TEST_POINT_H
#define HOST_RUN_TEST_POINT_H

#ifdef DAVIT_RUN_TEST_POINTS
/* If RUNTIME/test-point holds "<name> kill" or "<name> stop", deletes that file and obeys. */
void test_point(const char *name);
void test_point_dir(const char *runtime_dir);
#else
#define test_point(name)      ((void)0)
#define test_point_dir(where) ((void)(where))
#endif

#endif
