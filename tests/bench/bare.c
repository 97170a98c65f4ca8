/*
 * bare - the least a libmicrohttpd server can do: it answers every request with the same bytes,
 * by epoll and one internal thread, as each listener of davitd has them. With "parse" it reads
 * the body first and takes it apart with jansson, as JSON that is refused with 400.
 *
 *     bare constant|parse FILE [POOL_BYTES]
 *
 * FILE holds the answer. Prints its port and serves until its standard input ends.
 */
#include <arpa/inet.h>
#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MAX 65536
#define BODY_MAX   ((size_t)1 << 20)

struct bare {
	char answer[ANSWER_MAX];
	size_t answer_n;
	bool parse;
};

struct body {
	char *bytes;
	size_t n;
};

static enum MHD_Result reply(const struct bare *b, struct MHD_Connection *c, unsigned status)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(
		b->answer_n, (void *)b->answer, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result queued;

	if (r == NULL)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	queued = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return queued;
}

static enum MHD_Result on_constant(void *arg, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *bytes, size_t *n, void **context)
{
	static int seen;

	(void)url;
	(void)method;
	(void)version;
	(void)bytes;
	(void)n;
	if (*context == NULL) {
		*context = &seen;
		return MHD_YES;
	}
	return reply(arg, c, MHD_HTTP_OK);
}

static enum MHD_Result take(struct body *body, const char *bytes, size_t *n)
{
	char *longer;

	if (body->n + *n > BODY_MAX || (longer = realloc(body->bytes, body->n + *n)) == NULL)
		return MHD_NO;
	memcpy(longer + body->n, bytes, *n);
	body->bytes = longer;
	body->n += *n;
	*n = 0;
	return MHD_YES;
}

static enum MHD_Result on_parse(void *arg, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *bytes, size_t *n, void **context)
{
	struct body *body = *context;
	json_t *json;

	(void)url;
	(void)method;
	(void)version;
	if (body == NULL) {
		*context = calloc(1, sizeof(*body));
		return *context != NULL ? MHD_YES : MHD_NO;
	}
	if (*n > 0)
		return take(body, bytes, n);
	json = json_loadb(body->bytes, body->n, 0, NULL);
	json_decref(json);
	return reply(arg, c, json != NULL ? MHD_HTTP_OK : MHD_HTTP_BAD_REQUEST);
}

static void on_completed(
	void *arg, struct MHD_Connection *c, void **context, enum MHD_RequestTerminationCode how)
{
	const struct bare *b = arg;
	struct body *body = *context;

	(void)c;
	(void)how;
	if (!b->parse || body == NULL)
		return;
	free(body->bytes);
	free(body);
}

static struct MHD_Daemon *start(struct bare *b, size_t pool)
{
	struct sockaddr_in here = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	/* A pool of 0 leaves the library's own size. */
	struct MHD_OptionItem sizes[] = {
		{MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)pool, NULL},
		{MHD_OPTION_END, 0, NULL},
	};

	if (pool == 0)
		sizes[0].option = MHD_OPTION_END;
	return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL,
		b->parse ? on_parse : on_constant, b, MHD_OPTION_SOCK_ADDR, &here,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, b, MHD_OPTION_ARRAY, sizes,
		MHD_OPTION_END);
}

static bool load(struct bare *b, const char *path)
{
	FILE *file = fopen(path, "rb");

	if (file == NULL)
		return false;
	b->answer_n = fread(b->answer, 1, sizeof(b->answer), file);
	return fclose(file) == 0;
}

int main(int argc, char **argv)
{
	static struct bare b;
	struct MHD_Daemon *daemon;
	char byte;

	if (argc < 3 || !load(&b, argv[2])) {
		(void)fprintf(stderr, "bare constant|parse FILE [POOL_BYTES]\n");
		return 2;
	}
	b.parse = strcmp(argv[1], "parse") == 0;
	daemon = start(&b, argc > 3 ? strtoul(argv[3], NULL, 10) : 0);
	if (daemon == NULL)
		return 1;
	printf("%d\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	MHD_stop_daemon(daemon);
	return 0;
}
