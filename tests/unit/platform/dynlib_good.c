/* A library with one function, for dynlib_test. */
int dynlib_answer(void);

int dynlib_answer(void)
{
	return 42;
}
