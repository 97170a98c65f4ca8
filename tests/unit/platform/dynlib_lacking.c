/* A library that needs a function nobody has, for dynlib_test. */
int dynlib_answer(void);
int dynlib_nobody_has_this(void);

int dynlib_answer(void)
{
	return dynlib_nobody_has_this();
}
