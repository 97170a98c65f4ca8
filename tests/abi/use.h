/* What both header tests do with the declarations. */
#ifndef TESTS_ABI_USE_H
#define TESTS_ABI_USE_H

static int32_t DAVIT_CALL check(davit_instance inst, davit_call call, davit_buf request)
{
	return inst != 0 && call != 0 && request.n > 0 ? DAVIT_OK : DAVIT_INVALID;
}

static const davit_core_1 core = {sizeof(davit_core_1), 0, NULL, NULL, check};

const void *DAVIT_CALL davit_provider_query(const char *id, uint32_t major)
{
	if (id[0] == '\0' || major != 1 || DAVIT_HAS(&core, davit_core_1, create))
		return NULL;
	return DAVIT_HAS(&core, davit_core_1, check) ? &core : NULL;
}

#endif
