/*
 * gateway - the least a C gateway to a cloud can do: libmicrohttpd in (a thread for each
 * connection), the question taken apart and written anew with jansson, libcurl out over TLS
 * connections that are kept, the answer taken apart and written anew.
 *
 *     gateway URL CA_FILE TOKEN
 *
 * Whatever is posted to it goes to URL, with TOKEN as its bearer. Prints its port and serves until
 * its standard input ends.
 */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <jansson.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BODY_MAX  ((size_t)1 << 20)
#define WAYS_MAX  64
#define TOKEN_MAX 1024

struct text {
	char *bytes;
	size_t n;
};

/* A handle of libcurl with its connection; one question at a time. */
struct way {
	CURL *curl;
	struct text answer;
};

/* Ways that nobody uses just now; the last one used is the next one. */
static struct {
	pthread_mutex_t lock;
	struct way *all[WAYS_MAX];
	size_t count;
	const char *url, *ca_file;
	struct curl_slist *headers;
} gateway = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool add(struct text *t, const char *bytes, size_t n)
{
	char *longer;

	if (t->n + n > BODY_MAX || (longer = realloc(t->bytes, t->n + n)) == NULL)
		return false;
	memcpy(longer + t->n, bytes, n);
	t->bytes = longer;
	t->n += n;
	return true;
}

/* --- out --- */

static size_t on_bytes(char *bytes, size_t size, size_t n, void *arg)
{
	return add(arg, bytes, size * n) ? size * n : 0;
}

static struct way *way_new(void)
{
	struct way *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->curl = curl_easy_init();
	if (w->curl == NULL) {
		free(w);
		return NULL;
	}
	curl_easy_setopt(w->curl, CURLOPT_URL, gateway.url);
	curl_easy_setopt(w->curl, CURLOPT_CAINFO, gateway.ca_file);
	curl_easy_setopt(w->curl, CURLOPT_HTTPHEADER, gateway.headers);
	curl_easy_setopt(w->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(w->curl, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(w->curl, CURLOPT_WRITEDATA, &w->answer);
	return w;
}

static struct way *way_take(void)
{
	struct way *w = NULL;

	pthread_mutex_lock(&gateway.lock);
	if (gateway.count > 0)
		w = gateway.all[--gateway.count];
	pthread_mutex_unlock(&gateway.lock);
	return w != NULL ? w : way_new();
}

static void way_free(struct way *w)
{
	curl_easy_cleanup(w->curl);
	free(w->answer.bytes);
	free(w);
}

static void way_give(struct way *w)
{
	pthread_mutex_lock(&gateway.lock);
	if (gateway.count < WAYS_MAX) {
		gateway.all[gateway.count++] = w;
		w = NULL;
	}
	pthread_mutex_unlock(&gateway.lock);
	if (w != NULL)
		way_free(w);
}

/* Asks the cloud; NULL: no JSON came, or no 200. */
static json_t *ask(const char *question)
{
	struct way *w = way_take();
	json_t *answer = NULL;
	long status = 0;

	if (w == NULL)
		return NULL;
	w->answer.n = 0;
	curl_easy_setopt(w->curl, CURLOPT_POSTFIELDSIZE, (long)strlen(question));
	curl_easy_setopt(w->curl, CURLOPT_POSTFIELDS, question);
	if (curl_easy_perform(w->curl) == CURLE_OK &&
		curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK &&
		status == 200)
		answer = json_loadb(w->answer.bytes, w->answer.n, 0, NULL);
	way_give(w);
	return answer;
}

/* --- in --- */

/* The answer to a question, to be freed; NULL: there is none. */
static char *pass(const struct text *body)
{
	json_t *asked = json_loadb(body->bytes, body->n, 0, NULL);
	char *question = asked != NULL ? json_dumps(asked, JSON_COMPACT) : NULL;
	json_t *got = question != NULL ? ask(question) : NULL;
	char *answer = got != NULL ? json_dumps(got, JSON_COMPACT) : NULL;

	json_decref(asked);
	free(question);
	json_decref(got);
	return answer;
}

static enum MHD_Result reply(struct MHD_Connection *c, char *answer)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(
		answer != NULL ? strlen(answer) : 0, answer, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result queued;

	if (r == NULL)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	queued = MHD_queue_response(c, answer != NULL ? MHD_HTTP_OK : MHD_HTTP_BAD_GATEWAY, r);
	MHD_destroy_response(r);
	return queued;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *bytes, size_t *n, void **context)
{
	struct text *body = *context;

	(void)arg;
	(void)url;
	(void)method;
	(void)version;
	if (body == NULL) {
		*context = calloc(1, sizeof(*body));
		return *context != NULL ? MHD_YES : MHD_NO;
	}
	if (*n > 0) {
		if (!add(body, bytes, *n))
			return MHD_NO;
		*n = 0;
		return MHD_YES;
	}
	return reply(c, pass(body));
}

static void on_completed(
	void *arg, struct MHD_Connection *c, void **context, enum MHD_RequestTerminationCode how)
{
	struct text *body = *context;

	(void)arg;
	(void)c;
	(void)how;
	if (body != NULL)
		free(body->bytes);
	free(body);
}

static struct MHD_Daemon *start(void)
{
	struct sockaddr_in here = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	return MHD_start_daemon(
		MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0,
		NULL, NULL, on_request, NULL, MHD_OPTION_SOCK_ADDR, &here,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
}

static bool prepare(char **argv)
{
	char bearer[TOKEN_MAX];

	gateway.url = argv[1];
	gateway.ca_file = argv[2];
	(void)snprintf(bearer, sizeof(bearer), "Authorization: Bearer %s", argv[3]);
	gateway.headers = curl_slist_append(NULL, "Content-Type: application/json");
	return gateway.headers != NULL && curl_slist_append(gateway.headers, bearer) != NULL;
}

int main(int argc, char **argv)
{
	struct MHD_Daemon *daemon;
	char byte;

	if (argc != 4) {
		(void)fprintf(stderr, "gateway URL CA_FILE TOKEN\n");
		return 2;
	}
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !prepare(argv))
		return 1;
	daemon = start();
	if (daemon == NULL)
		return 1;
	printf("%d\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	MHD_stop_daemon(daemon);
	while (gateway.count > 0)
		way_free(gateway.all[--gateway.count]);
	curl_slist_free_all(gateway.headers);
	curl_global_cleanup();
	return 0;
}
