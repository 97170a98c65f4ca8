/* disk - see disk.h; a VFS of SQLite. */
#include "sim/disk.h"

#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/attr.h"
#include "sim/life.h"
#include "sim/world.h"

enum {
	FILES = 3,
	LOG = 1, /* of these: what was committed is in it until the database has it safe */
	WRITES = 8192,
	SHM_REGION = 32768,
	SHM_REGIONS = 8,
	SHM_LOCKS = SQLITE_SHM_NLOCK
};
#define FILE_BYTES ((size_t)24 * 1024 * 1024)

static const char *const endings[FILES] = {".db", "-wal", "-journal"};

/* Of one file: what a process sees, and what is durable. */
struct sides {
	size_t n;
	unsigned char *bytes;
};

struct file {
	bool there;
	struct sides seen, safe;
};

struct unsafe { /* a write that was not synced */
	uint8_t file;
	bool cut; /* to n bytes */
	size_t at, n;
};

struct disk {
	struct file files[FILES];
	size_t write_count;
	struct unsafe writes[WRITES];
	bool lies;
};

static struct disk *disk;

/* Of the process: locks, and the index of the log. */
static struct {
	unsigned readers;
	bool reserved, exclusive;
	void *regions[SHM_REGIONS];
	unsigned shared[SHM_LOCKS];
	bool owned[SHM_LOCKS];
} process;

struct disk *disk_new(void)
{
	size_t n = sizeof(struct disk) + (size_t)FILES * 2 * FILE_BYTES;
	struct disk *d = mmap(
		NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	unsigned char *at = (unsigned char *)(d + 1);

	if (d == MAP_FAILED)
		return NULL;
	for (size_t i = 0; i < FILES; i++) {
		d->files[i].seen.bytes = at;
		d->files[i].safe.bytes = at + FILE_BYTES;
		at += 2 * FILE_BYTES;
	}
	return d;
}

void disk_use(struct disk *d)
{
	disk = d;
}

static void copy_side(struct sides *to, const struct sides *from)
{
	if (from->n > 0)
		memcpy(to->bytes, from->bytes, from->n);
	to->n = from->n;
}

void disk_keep(struct disk *d)
{
	disk_restore(d, disk);
}

void disk_restore(struct disk *to, const struct disk *kept)
{
	for (size_t i = 0; i < FILES; i++) {
		to->files[i].there = kept->files[i].there;
		copy_side(&to->files[i].seen, &kept->files[i].seen);
		copy_side(&to->files[i].safe, &kept->files[i].seen);
	}
	to->write_count = 0;
	to->lies = false;
}

void disk_forget_process(void)
{
	memset(&process, 0, sizeof(process));
}

void disk_lie_once(void)
{
	disk->lies = true;
}

void disk_lie_no_more(void)
{
	disk->lies = false;
}

bool disk_is_synced(void)
{
	for (size_t i = 0; i < disk->write_count; i++) {
		if (disk->writes[i].file == LOG)
			return false;
	}
	return true;
}

/* --- what is durable --- */

static void note(size_t file, bool cut, size_t at, size_t n)
{
	if (disk->write_count == WRITES)
		life_failed("too many writes without a sync");
	disk->writes[disk->write_count++] =
		(struct unsafe){.file = (uint8_t)file, .cut = cut, .at = at, .n = n};
}

static void make_safe(const struct unsafe *w)
{
	struct file *f = &disk->files[w->file];
	size_t end = w->at + w->n;

	if (w->cut) {
		f->safe.n = w->n;
		return;
	}
	if (w->at > f->safe.n) /* what lies before it was lost: zeros */
		memset(f->safe.bytes + f->safe.n, 0, w->at - f->safe.n);
	memcpy(f->safe.bytes + w->at, f->seen.bytes + w->at, w->n);
	if (end > f->safe.n)
		f->safe.n = end;
}

static void sync_file(size_t file)
{
	size_t kept = 0;

	if (disk->lies) {
		disk->lies = false;
		return;
	}
	for (size_t i = 0; i < disk->write_count; i++) {
		if (disk->writes[i].file == file)
			make_safe(&disk->writes[i]);
		else
			disk->writes[kept++] = disk->writes[i];
	}
	disk->write_count = kept;
}

static bool survives(enum disk_cut how, size_t i, size_t first)
{
	switch (how) {
	case DISK_KEEP_ALL:
		return true;
	case DISK_KEEP_SOME:
		return (chance(CHANCE_DISK) & 1) != 0;
	case DISK_KEEP_FIRST:
		return i < first;
	default:
		return false;
	}
}

void disk_cut(enum disk_cut how)
{
	size_t first = chance_below(CHANCE_DISK, disk->write_count + 1);

	trace("the machine keeps %s of %zu writes that were not synced",
		how == DISK_KEEP_ALL    ? "all"
		: how == DISK_KEEP_NONE ? "none"
					: "some",
		disk->write_count);
	for (size_t i = 0; i < disk->write_count; i++) {
		if (survives(how, i, first))
			make_safe(&disk->writes[i]);
	}
	disk->write_count = 0;
	disk->lies = false;
	for (size_t i = 0; i < FILES; i++)
		copy_side(&disk->files[i].seen, &disk->files[i].safe);
}

/* --- one open file --- */

struct handle {
	sqlite3_file base;
	int file; /* -1: none of ours */
	int lock;
	uint16_t shared, owned; /* of the index of the log */
	bool mapped;
};

static struct handle *of(sqlite3_file *f)
{
	return (struct handle *)(void *)f;
}

static struct file *file_of(sqlite3_file *f)
{
	return &disk->files[of(f)->file];
}

static int x_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
	const struct sides *s = &file_of(f)->seen;
	size_t from = (size_t)at, there = from < s->n ? s->n - from : 0;

	if (there >= (size_t)n) {
		memcpy(to, s->bytes + from, (size_t)n);
		return SQLITE_OK;
	}
	if (there > 0)
		memcpy(to, s->bytes + from, there);
	memset((char *)to + there, 0, (size_t)n - there);
	return SQLITE_IOERR_SHORT_READ;
}

static int x_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
	struct sides *s = &file_of(f)->seen;
	size_t end = (size_t)at + (size_t)n;

	if (end > FILE_BYTES)
		return SQLITE_FULL;
	if ((size_t)at > s->n)
		memset(s->bytes + s->n, 0, (size_t)at - s->n);
	memcpy(s->bytes + at, from, (size_t)n);
	if (end > s->n)
		s->n = end;
	note((size_t)of(f)->file, false, (size_t)at, (size_t)n);
	return SQLITE_OK;
}

static int x_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	struct sides *s = &file_of(f)->seen;

	if ((size_t)n < s->n)
		s->n = (size_t)n;
	note((size_t)of(f)->file, true, 0, s->n);
	return SQLITE_OK;
}

static int x_sync(sqlite3_file *f, int flags)
{
	(void)flags;
	life_event(EVENT_BEFORE_SYNC);
	sync_file((size_t)of(f)->file);
	life_event(EVENT_AFTER_SYNC);
	return SQLITE_OK;
}

static int x_size(sqlite3_file *f, sqlite3_int64 *ret_n)
{
	*ret_n = (sqlite3_int64)file_of(f)->seen.n;
	return SQLITE_OK;
}

/* Of the database file alone; the log is locked in its index. */
static int x_lock(sqlite3_file *f, int level)
{
	struct handle *h = of(f);

	if (h->lock >= level)
		return SQLITE_OK;
	if (process.exclusive || (level >= SQLITE_LOCK_RESERVED && process.reserved &&
					 h->lock < SQLITE_LOCK_RESERVED))
		return SQLITE_BUSY;
	if (level == SQLITE_LOCK_EXCLUSIVE && process.readers > (h->lock > 0 ? 1u : 0u))
		return SQLITE_BUSY;
	if (h->lock == SQLITE_LOCK_NONE)
		process.readers++;
	if (level >= SQLITE_LOCK_RESERVED)
		process.reserved = true;
	if (level == SQLITE_LOCK_EXCLUSIVE)
		process.exclusive = true;
	h->lock = level;
	return SQLITE_OK;
}

static int x_unlock(sqlite3_file *f, int level)
{
	struct handle *h = of(f);

	if (h->lock <= level)
		return SQLITE_OK;
	if (h->lock == SQLITE_LOCK_EXCLUSIVE)
		process.exclusive = false;
	if (h->lock >= SQLITE_LOCK_RESERVED)
		process.reserved = false;
	if (level == SQLITE_LOCK_NONE)
		process.readers--;
	h->lock = level;
	return SQLITE_OK;
}

static int x_reserved(sqlite3_file *f, int *ret)
{
	(void)f;
	*ret = process.reserved;
	return SQLITE_OK;
}

static int x_control(sqlite3_file *f, int op, void *arg)
{
	(void)f;
	(void)op;
	(void)arg;
	return SQLITE_NOTFOUND;
}

static int x_sector(sqlite3_file *f)
{
	(void)f;
	return 4096;
}

static int x_traits(sqlite3_file *f)
{
	(void)f;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/* --- the index of the log: of one process, so it never needs the disk --- */

static int x_shm_map(sqlite3_file *f, int region, int n, int extend, void volatile **ret)
{
	of(f)->mapped = true;
	*ret = NULL;
	if (region >= SHM_REGIONS || n != SHM_REGION)
		return SQLITE_IOERR_SHMMAP;
	if (process.regions[region] == NULL && extend)
		process.regions[region] = calloc(1, SHM_REGION);
	*ret = process.regions[region];
	return SQLITE_OK;
}

static void shm_unlock(struct handle *h, int i)
{
	if (h->owned & (1u << i))
		process.owned[i] = false;
	else if (h->shared & (1u << i))
		process.shared[i]--;
	h->owned &= (uint16_t) ~(1u << i);
	h->shared &= (uint16_t) ~(1u << i);
}

static bool shm_may(const struct handle *h, int i, bool alone)
{
	unsigned mine = (h->shared >> i) & 1u;

	if (h->owned & (1u << i))
		return true;
	return !process.owned[i] && (!alone || process.shared[i] == mine);
}

static int x_shm_lock(sqlite3_file *f, int first, int n, int flags)
{
	struct handle *h = of(f);
	bool alone = (flags & SQLITE_SHM_EXCLUSIVE) != 0;

	for (int i = first; i < first + n; i++) {
		if (flags & SQLITE_SHM_UNLOCK)
			shm_unlock(h, i);
		else if (!shm_may(h, i, alone))
			return SQLITE_BUSY;
	}
	for (int i = first; i < first + n && !(flags & SQLITE_SHM_UNLOCK); i++) {
		if (alone) {
			process.owned[i] = true;
			h->owned |= (uint16_t)(1u << i);
		} else if (!(h->shared & (1u << i))) {
			process.shared[i]++;
			h->shared |= (uint16_t)(1u << i);
		}
	}
	return SQLITE_OK;
}

static void x_shm_barrier(sqlite3_file *f)
{
	(void)f;
}

static int x_shm_unmap(sqlite3_file *f, int drop)
{
	struct handle *h = of(f);

	for (int i = 0; i < SHM_LOCKS; i++)
		shm_unlock(h, i);
	h->mapped = false;
	for (size_t i = 0; drop && i < SHM_REGIONS; i++) {
		free(process.regions[i]);
		process.regions[i] = NULL;
	}
	return SQLITE_OK;
}

static int x_close(sqlite3_file *f)
{
	if (of(f)->mapped)
		(void)x_shm_unmap(f, 0);
	return x_unlock(f, SQLITE_LOCK_NONE);
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = x_close,
	.xRead = x_read,
	.xWrite = x_write,
	.xTruncate = x_truncate,
	.xSync = x_sync,
	.xFileSize = x_size,
	.xLock = x_lock,
	.xUnlock = x_unlock,
	.xCheckReservedLock = x_reserved,
	.xFileControl = x_control,
	.xSectorSize = x_sector,
	.xDeviceCharacteristics = x_traits,
	.xShmMap = x_shm_map,
	.xShmLock = x_shm_lock,
	.xShmBarrier = x_shm_barrier,
	.xShmUnmap = x_shm_unmap,
};

/* --- the file system --- */

static int index_of(const char *path)
{
	size_t n = path != NULL ? strlen(path) : 0;

	for (int i = 0; i < FILES; i++) {
		size_t end = strlen(endings[i]);

		if (n >= end && strcmp(path + n - end, endings[i]) == 0)
			return i;
	}
	return -1;
}

static int fs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *f, int flags, int *ret_flags)
{
	struct handle *h = of(f);

	(void)vfs;
	memset(h, 0, sizeof(*h));
	h->file = index_of(path);
	if (h->file < 0)
		return SQLITE_CANTOPEN;
	/* The empty file of a new database is made before SQLite opens it. */
	if (!disk->files[h->file].there && h->file != 0 && !(flags & SQLITE_OPEN_CREATE))
		return SQLITE_CANTOPEN;
	disk->files[h->file].there = true;
	h->base.pMethods = &methods;
	if (ret_flags != NULL)
		*ret_flags = flags;
	return SQLITE_OK;
}

static int fs_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
	int i = index_of(path);
	size_t kept = 0;

	(void)vfs;
	(void)sync;
	if (i < 0 || !disk->files[i].there)
		return SQLITE_IOERR_DELETE_NOENT;
	disk->files[i].there = false;
	disk->files[i].seen.n = disk->files[i].safe.n = 0;
	for (size_t w = 0; w < disk->write_count; w++) {
		if (disk->writes[w].file != i)
			disk->writes[kept++] = disk->writes[w];
	}
	disk->write_count = kept;
	return SQLITE_OK;
}

static int fs_access(sqlite3_vfs *vfs, const char *path, int flags, int *ret)
{
	int i = index_of(path);

	(void)vfs;
	*ret = i >= 0 && disk->files[i].there &&
	       (flags != SQLITE_ACCESS_EXISTS || disk->files[i].seen.n > 0);
	return SQLITE_OK;
}

static int fs_full(sqlite3_vfs *vfs, const char *path, int n, char *to)
{
	(void)vfs;
	(void)snprintf(to, (size_t)n, "%s", path);
	return SQLITE_OK;
}

static int fs_random(sqlite3_vfs *vfs, int n, char *to)
{
	(void)vfs;
	for (int i = 0; i < n; i++)
		to[i] = (char)chance(CHANCE_DISK);
	return n;
}

static int fs_sleep(sqlite3_vfs *vfs, int us)
{
	(void)vfs;
	life_failed("the database waits for itself");
	return us;
}

static int fs_time(sqlite3_vfs *vfs, sqlite3_int64 *ret_ms)
{
	(void)vfs;
	*ret_ms = world->now_ms + INT64_C(210866760000000);
	return SQLITE_OK;
}

static int fs_error(sqlite3_vfs *vfs, int n, char *to)
{
	(void)vfs;
	(void)n;
	(void)to;
	return 0;
}

static sqlite3_vfs vfs = {
	.iVersion = 2,
	.szOsFile = sizeof(struct handle),
	.mxPathname = 512,
	.zName = "sim",
	.xOpen = fs_open,
	.xDelete = fs_delete,
	.xAccess = fs_access,
	.xFullPathname = fs_full,
	.xRandomness = fs_random,
	.xSleep = fs_sleep,
	.xCurrentTimeInt64 = fs_time,
	.xGetLastError = fs_error,
};

void disk_register(void)
{
	(void)sqlite3_initialize();
	(void)sqlite3_vfs_register(&vfs, 1);
}
