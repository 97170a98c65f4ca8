/* transport - see transport.h. */
#include "process/transport.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE_MAX 16

static void transport_free(struct transport *t)
{
	curl_easy_cleanup(t->easy);
	if (t->multi != NULL)
		curl_multi_cleanup(t->multi);
	free(t->held);
	mutex_finish(&t->lock);
	free(t);
}

static struct transport *transport_new(void)
{
	struct transport *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	mutex_init(&t->lock);
	t->fd = -1;
	t->multi = curl_multi_init();
	t->easy = curl_easy_init();
	t->held = malloc(TRANSPORT_HELD_MAX + CURL_MAX_WRITE_SIZE);
	if (t->multi != NULL)
		curl_multi_setopt(t->multi, CURLMOPT_MAXCONNECTS, 1L);
	if (t->multi != NULL && t->easy != NULL && t->held != NULL)
		return t;
	transport_free(t);
	return NULL;
}

/* --- its connection --- */

static void set_fd(struct transport *t, int fd)
{
	mutex_lock(&t->lock);
	t->fd = fd;
	mutex_unlock(&t->lock);
}

static curl_socket_t open_fd(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transport *t = arg;
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

	(void)purpose;
	set_fd(t, fd);
	return fd;
}

static curl_socket_t refuse_fd(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)arg;
	(void)purpose;
	(void)address;
	return CURL_SOCKET_BAD;
}

/* The number may be another file's as soon as it is closed. */
static int close_fd(void *arg, curl_socket_t fd)
{
	struct transport *t = arg;
	int code;

	mutex_lock(&t->lock);
	if (t->fd == fd)
		t->fd = -1;
	code = close(fd);
	mutex_unlock(&t->lock);
	return code;
}

void transport_aim(struct transport *t, bool opens)
{
	curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, opens ? 1L : 0L);
	curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETFUNCTION, opens ? open_fd : refuse_fd);
	curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_CLOSESOCKETFUNCTION, close_fd);
	curl_easy_setopt(t->easy, CURLOPT_CLOSESOCKETDATA, t);
}

void transport_hang_up(struct transport *t)
{
	mutex_lock(&t->lock);
	if (t->fd >= 0)
		(void)shutdown(t->fd, SHUT_RDWR);
	mutex_unlock(&t->lock);
}

int transport_fd(struct transport *t)
{
	int fd;

	mutex_lock(&t->lock);
	fd = t->fd;
	mutex_unlock(&t->lock);
	return fd;
}

/* --- all of them --- */

void transports_open(struct transports *all)
{
	mutex_init(&all->lock);
	SLIST_INIT(&all->idle);
	all->count = 0;
}

void transports_close(struct transports *all)
{
	struct transport *t;

	while ((t = SLIST_FIRST(&all->idle)) != NULL) {
		SLIST_REMOVE_HEAD(&all->idle, link);
		transport_free(t);
	}
	mutex_finish(&all->lock);
}

struct transport *transport_take(struct transports *all)
{
	struct transport *t;

	mutex_lock(&all->lock);
	t = SLIST_FIRST(&all->idle);
	if (t != NULL) {
		SLIST_REMOVE_HEAD(&all->idle, link);
		all->count--;
	}
	mutex_unlock(&all->lock);
	return t != NULL ? t : transport_new();
}

void transport_give(struct transports *all, struct transport *t)
{
	bool kept;

	if (t == NULL)
		return;
	curl_multi_remove_handle(t->multi, t->easy);
	curl_easy_reset(t->easy);
	mutex_lock(&all->lock);
	kept = all->count < IDLE_MAX;
	if (kept) {
		SLIST_INSERT_HEAD(&all->idle, t, link);
		all->count++;
	}
	mutex_unlock(&all->lock);
	if (!kept)
		transport_free(t);
}
