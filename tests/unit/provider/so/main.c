/* A provider that is a program, too. */
int main(void)
{
	return 0;
}
