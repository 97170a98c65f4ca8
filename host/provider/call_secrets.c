/* The secrets of one call: few, so a list will do. */
#include "provider/call_secrets.h"

#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "provider/call.h"
#include "provider/services.h"
#include "secret/crypto.h"
#include "secret/redact.h"

#define PLACE_BITS 11 /* CALL_SECRETS_MAX places, counted from 1 */
#define SALT_BITS  42 /* both together: 53, what every JSON reader gives back as it is */

static davit_secret handle_of(struct call_secrets *all, size_t place)
{
	while (all->salt == 0) {
		id_random(&all->salt, sizeof(all->salt));
		all->salt &= (UINT64_C(1) << SALT_BITS) - 1;
	}
	return all->salt << PLACE_BITS | (place + 1);
}

static void hide(const struct call_secrets *all, struct call_secret *s)
{
	s->held = all->scope == NULL || (!all->own && s->n >= REDACT_LEAST_SHARED);
	if (s->held) {
		redact_hold(s->p, s->n);
	} else {
		redact_scope_add(all->scope, s->p, s->n);
		(void)redact_use(*all->scope); /* it may be a new one */
	}
}

void call_secrets_learn(struct call_secrets *all, const void *bytes, size_t n)
{
	if (!all->own)
		redact_learn_source(bytes, n);
	if (all->scope == NULL || (!all->own && n >= REDACT_LEAST_SHARED))
		return;
	redact_scope_add(all->scope, bytes, n);
	(void)redact_use(*all->scope); /* it may be a new one */
}

static davit_secret add(struct call_secrets *all, const void *bytes, size_t n, bool plain)
{
	size_t place = all->count;
	struct call_secret *s;

	for (s = all->newest; s != NULL; s = s->next) {
		place--;
		if (!crypto_equal(s->p, s->n, bytes, n))
			continue;
		if (s->plain && !plain)
			hide(all, s);
		s->plain = s->plain && plain;
		return handle_of(all, place);
	}
	if (all->count == CALL_SECRETS_MAX || n > CALL_SECRETS_BYTES_MAX - all->bytes ||
		(s = malloc(sizeof(*s) + n + 1)) == NULL)
		return 0;
	*s = (struct call_secret){.n = n, .plain = plain};
	if (n > 0)
		memcpy(s->p, bytes, n);
	s->p[n] = '\0';
	if (!plain)
		hide(all, s);
	s->next = all->newest;
	all->newest = s;
	all->bytes += n;
	return handle_of(all, all->count++);
}

davit_secret call_secrets_add(struct call_secrets *all, const void *bytes, size_t n)
{
	return add(all, bytes, n, false);
}

davit_secret call_secrets_add_plain(struct call_secrets *all, const void *bytes, size_t n)
{
	return add(all, bytes, n, true);
}

const struct call_secret *call_secrets_find(const struct call_secrets *all, davit_secret handle)
{
	uint64_t place = handle & ((UINT64_C(1) << PLACE_BITS) - 1);
	const struct call_secret *s = all->newest;

	if (place == 0 || place > all->count || handle >> PLACE_BITS != all->salt)
		return NULL;
	for (size_t i = all->count; i > place; i--)
		s = s->next;
	return s;
}

void call_secrets_finish(struct call_secrets *all)
{
	while (all->newest != NULL) {
		struct call_secret *s = all->newest;

		all->newest = s->next;
		if (s->held)
			redact_let_go(s->p, s->n);
		crypto_cleanse(s->p, s->n);
		free(s);
	}
	*all = (struct call_secrets){.scope = all->scope, .own = all->own};
}

const struct call_secret *call_secret_bytes(struct call *c, davit_secret handle)
{
	const struct call_secret *s = call_secrets_find(&c->secrets, handle);

	if (s == NULL)
		(void)service_refuse(c, DAVIT_INVALID, "there is no such secret in this call");
	return s;
}

static int32_t give(struct call *c, davit_secret handle, davit_secret *ret_secret)
{
	if (handle == 0)
		return service_refuse(c, DAVIT_QUOTA,
			"a call may have %d secrets, of %zu bytes together", CALL_SECRETS_MAX,
			CALL_SECRETS_BYTES_MAX);
	*ret_secret = handle;
	return DAVIT_OK;
}

int32_t call_secret_give(struct call *c, const void *bytes, size_t n, davit_secret *ret_secret)
{
	return give(c, call_secrets_add(&c->secrets, bytes, n), ret_secret);
}

int32_t call_secret_give_plain(
	struct call *c, const void *bytes, size_t n, davit_secret *ret_secret)
{
	return give(c, call_secrets_add_plain(&c->secrets, bytes, n), ret_secret);
}
