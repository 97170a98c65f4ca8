/* transport - see transport.h. */
#include "process/transport.h"

#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE_MAX 16

void transport_free(struct transport *t)
{
	if (t == NULL)
		return;
	if (t->multi != NULL && t->easy != NULL)
		curl_multi_remove_handle(t->multi, t->easy);
	curl_easy_cleanup(t->easy);
	if (t->multi != NULL)
		curl_multi_cleanup(t->multi);
	free(t);
}

static struct transport *transport_new(void)
{
	struct transport *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->fd = -1;
	t->multi = curl_multi_init();
	t->easy = curl_easy_init();
	if (t->multi == NULL || t->easy == NULL) {
		transport_free(t);
		return NULL;
	}
	curl_multi_setopt(t->multi, CURLMOPT_MAXCONNECTS, 1L);
	return t;
}

/* --- its connection --- */

static curl_socket_t open_fd(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transport *t = arg;

	(void)purpose;
	t->fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	return t->fd;
}

static curl_socket_t refuse_fd(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)arg;
	(void)purpose;
	(void)address;
	return CURL_SOCKET_BAD;
}

static int close_fd(void *arg, curl_socket_t fd)
{
	struct transport *t = arg;

	if (t->fd == fd)
		t->fd = -1;
	return close(fd);
}

void transport_aim(struct transport *t, bool opens)
{
	curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, opens ? 1L : 0L);
	curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETFUNCTION, opens ? open_fd : refuse_fd);
	curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_CLOSESOCKETFUNCTION, close_fd);
	curl_easy_setopt(t->easy, CURLOPT_CLOSESOCKETDATA, t);
}

void transport_clear(struct transport *t)
{
	curl_multi_remove_handle(t->multi, t->easy);
	curl_easy_reset(t->easy);
}

bool transport_is_quiet(const struct transport *t)
{
	struct pollfd fd = {.fd = t->fd, .events = POLLIN | POLLRDHUP};

	return poll(&fd, 1, 0) == 0;
}

bool transport_is_unread(const struct transport *t)
{
	int unread = 0;

	return t->fd >= 0 && ioctl(t->fd, SIOCOUTQ, &unread) == 0 && unread > 0;
}

pid_t transport_peer(const struct transport *t)
{
	struct ucred peer = {0};
	socklen_t n = sizeof(peer);

	(void)getsockopt(t->fd, SOL_SOCKET, SO_PEERCRED, &peer, &n);
	return peer.pid;
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

/* curl closes the descriptor only when it makes another one; for the server it ends here. */
void transport_give(struct transports *all, struct transport *t)
{
	bool kept;

	if (t == NULL)
		return;
	if (t->fd >= 0)
		(void)shutdown(t->fd, SHUT_RDWR);
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
