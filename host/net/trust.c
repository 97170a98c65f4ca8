/* The store of certificates. */
#include "net/trust.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/log.h"

struct trust {
	char *ca_file;
	X509_STORE *store; /* the loop's thread makes it, and no other uses it */
};

/* A file that is wrong is said when the daemon starts, not at the first request. */
static bool check_file(const char *ca_file, struct fail *f)
{
	X509_STORE *store = X509_STORE_new();
	bool ok = store != NULL && X509_STORE_load_file(store, ca_file) == 1;

	X509_STORE_free(store);
	return ok || fail_set(f, FAIL_INVALID,
			     "net.ca_file: %s has no certificates that can be read", ca_file);
}

struct trust *trust_open(const char *ca_file, struct fail *f)
{
	struct trust *t;

	if (ca_file != NULL && !check_file(ca_file, f))
		return NULL;
	t = calloc(1, sizeof(*t));
	if (t != NULL && ca_file != NULL)
		t->ca_file = strdup(ca_file);
	if (t != NULL && (ca_file == NULL || t->ca_file != NULL))
		return t;
	free(t);
	(void)fail_set(f, FAIL_INTERNAL, "out of memory");
	return NULL;
}

void trust_close(struct trust *t)
{
	if (t == NULL)
		return;
	X509_STORE_free(t->store);
	free(t->ca_file);
	free(t);
}

static bool load(struct trust *t)
{
	X509_STORE *store;

	if (t->store != NULL)
		return true;
	store = X509_STORE_new();
	if (store == NULL || X509_STORE_set_default_paths(store) != 1 ||
		(t->ca_file != NULL && X509_STORE_load_file(store, t->ca_file) != 1)) {
		log_error("NET-TRUST", "the certificates of the authorities cannot be read%s%s",
			t->ca_file != NULL ? ": " : "", t->ca_file != NULL ? t->ca_file : "");
		X509_STORE_free(store);
		return false;
	}
	t->store = store;
	return true;
}

static CURLcode give_store(CURL *easy, void *context, void *arg)
{
	struct trust *t = arg;

	(void)easy;
	if (!load(t))
		return CURLE_SSL_CACERT_BADFILE;
	SSL_CTX_set1_cert_store(context, t->store);
	(void)SSL_CTX_set_options(context, SSL_OP_CLEANSE_PLAINTEXT); /* else it stays there */
	return CURLE_OK;
}

void trust_apply(struct trust *t, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, give_store);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, t);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
}
