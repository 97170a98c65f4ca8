/*
 * host.h - what the host offers to a provider: service tables found by id and major.
 *
 * Every function takes the handle of the running call: it says which instance acts, whose
 * deadline holds and whom to blame. Unless a tag says otherwise a function is [op]. Functions
 * return a code of abi.h; DAVIT_INVALID also for a handle that is not the running call's.
 * Each declared service is DRAFT as the interfaces are (provider.h).
 */
#ifndef DAVIT_HOST_H
#define DAVIT_HOST_H

#include <davit/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DAVIT_HOST_CORE    "davit.host.core"
#define DAVIT_HOST_KV      "davit.host.kv"
#define DAVIT_HOST_BLOB    "davit.host.blob"
#define DAVIT_HOST_JOB     "davit.host.job"
#define DAVIT_HOST_PROCESS "davit.host.process"
#define DAVIT_HOST_HTTP    "davit.host.http"
#define DAVIT_HOST_SECRET  "davit.host.secret"
#define DAVIT_HOST_TOKEN   "davit.host.token"

/* Log levels. Default for an unknown value: DAVIT_LOG_INFO. */
#define DAVIT_LOG_DEBUG 0
#define DAVIT_LOG_INFO  1
#define DAVIT_LOG_WARN  2
#define DAVIT_LOG_ERROR 3

/*
 * davit.host.core/1: answers, time and the end of a call. Always present.
 */
typedef struct davit_host_core_1 {
	uint32_t size;
	uint32_t flags;

	/* The answer: one JSON object or array. The host copies it. At most one of reply,
	 * reply_state, reply_blob or a run of reply_chunk per call; a second one is
	 * DAVIT_CONFLICT and ends the call as a provider error. */
	int32_t(DAVIT_CALL *reply)(davit_call call, davit_buf json);

	/* The answer of a job slot: a DAVIT_STATE_…, after how many milliseconds to poll again
	 * (0: the host chooses), and the neutral object. */
	int32_t(DAVIT_CALL *reply_state)(
		davit_call call, int32_t state, int64_t next_poll_ms, davit_buf json);

	/* The answer is the bytes of blob. head: {"content_type", "status"?, "model"?}; model
	 * says which one answered, and reaches the caller as the header Davit-Model. The host
	 * takes over reading the blob; it may still be growing (a stream). */
	int32_t(DAVIT_CALL *reply_blob)(davit_call call, davit_buf head, davit_blob blob);

	/* The answer in pieces: head as above with the first piece (ignored later), last = 1
	 * with the last one. Blocks while the reader is slower than the writer;
	 * DAVIT_CANCELLED when the reader went away. Each piece gives the call its whole time
	 * again, so deadline_ms() moves. */
	int32_t(DAVIT_CALL *reply_chunk)(
		davit_call call, davit_buf head, davit_buf bytes, uint32_t last);

	/*
	 * Why the call is about to return code. text: one sentence for the user, naming the
	 * object and what to do. detail: a JSON object or empty; known members: "pointer" (JSON
	 * pointer of the member at fault), "status" (HTTP status of the other side),
	 * "provider_code", "request_id", "retry_after_ms", "host" (true: code came from a service
	 * of the host). Returns code, so that a slot may end with it. The first fail of a call
	 * counts. In find and poll a code other than DAVIT_OK is believed only where it was given
	 * here, without "host": else the slot is called again.
	 */
	int32_t(DAVIT_CALL *fail)(davit_call call, int32_t code, davit_buf text, davit_buf detail);

	/* One line for the host's log. Never put a secret in it. */
	void(DAVIT_CALL *log)(davit_call call, int32_t level, davit_buf text);

	int64_t(DAVIT_CALL *now_ms)(davit_call call);  /* wall clock; virtual under test */
	int64_t(DAVIT_CALL *mono_ms)(davit_call call); /* never runs backwards */

	/* When the call must have ended, as mono_ms() tells the time. */
	int64_t(DAVIT_CALL *deadline_ms)(davit_call call);

	/* 1: stop soon and return DAVIT_CANCELLED. */
	uint32_t(DAVIT_CALL *cancelled)(davit_call call);

	/* Waits; DAVIT_CANCELLED or DAVIT_DEADLINE when it ended early. */
	int32_t(DAVIT_CALL *sleep_ms)(davit_call call, int64_t ms);

	/* Fills n bytes with random numbers fit for keys. */
	int32_t(DAVIT_CALL *random)(davit_call call, void *bytes, size_t n);

	/* Zeroed scratch memory that lives until the call ends; NULL past the call's limit. */
	void *(DAVIT_CALL *arena)(davit_call call, size_t n);
} davit_host_core_1;

/*
 * davit.host.kv/1: the only state a provider may keep: small durable JSON values, seen by
 * this instance alone. A write that returned DAVIT_OK survives a crash. Keys: 1 to 512
 * bytes, no control characters; values up to 1 MiB. DAVIT_QUOTA past the instance's limit.
 */
typedef struct davit_host_kv_1 {
	uint32_t size;
	uint32_t flags;

	/* The value (valid until the call ends) and its version; DAVIT_NOT_FOUND. ret_version
	 * may be NULL. */
	int32_t(DAVIT_CALL *get)(
		davit_call call, davit_buf key, davit_buf *ret_value, int64_t *ret_version);

	/* Writes, whatever was there. */
	int32_t(DAVIT_CALL *put)(davit_call call, davit_buf key, davit_buf value);

	/* Writes only if the version still is the one read (0: only if there is no such key);
	 * else DAVIT_CONFLICT. */
	int32_t(DAVIT_CALL *cas)(davit_call call, davit_buf key, davit_buf value, int64_t version);

	/* DAVIT_OK also where there was none. */
	int32_t(DAVIT_CALL *del)(davit_call call, davit_buf key);

	/* Keys that begin with prefix, after the key `after` (empty: from the start), in byte
	 * order: {"items":[{"key","value"}],"more":bool}. limit 0: the host's page size. */
	int32_t(DAVIT_CALL *list)(davit_call call, davit_buf prefix, davit_buf after,
		uint32_t limit, davit_buf *ret_json);
} davit_host_kv_1;

/*
 * davit.host.blob/1: bytes of any size, held by the host. A sealed blob never changes and is
 * known by the SHA-256 of its bytes (64 hex digits). Handles end with the call.
 *
 * A sealed blob is kept while its digest stands in a value of kv, of any instance, or in an open
 * job: its request, ref, checkpoint, progress or result; and for an hour after it was sealed or
 * opened. Then the host deletes it. So what is to outlive its job has its digest in kv, in lower
 * case and apart from other hexadecimal digits; the ref of a job that has ended keeps nothing,
 * and neither does a digest inside another blob.
 */
typedef struct davit_host_blob_1 {
	uint32_t size;
	uint32_t flags;

	/* An empty one, to be written. */
	int32_t(DAVIT_CALL *create)(davit_call call, davit_blob *ret_blob);

	/* Adds bytes at its end. */
	int32_t(DAVIT_CALL *write)(davit_call call, davit_blob blob, davit_buf bytes);

	/* Makes a written blob durable; *ret_digest is its name from then on. */
	int32_t(DAVIT_CALL *seal)(davit_call call, davit_blob blob, davit_buf *ret_digest);

	/* A sealed blob by its digest; DAVIT_NOT_FOUND. */
	int32_t(DAVIT_CALL *open)(davit_call call, davit_buf digest, davit_blob *ret_blob);

	/*
	 * Opens what a caller named: {"text":…}, {"uri":"file:///…"}, {"path":…} or
	 * {"upload":…}; or {"folder":…}, all files of a folder, which once sealed can be the
	 * input "folder" of a process. The host decides what may be read (import_roots, size
	 * limits).
	 * DAVIT_NOT_FOUND, or DAVIT_INVALID with the reason already given to fail().
	 */
	int32_t(DAVIT_CALL *resolve)(davit_call call, davit_buf source, davit_blob *ret_blob);

	/* Reads up to cap bytes at offset; *ret_n = 0 at the end. A stream is read once, in
	 * order, and may block. */
	int32_t(DAVIT_CALL *read)(davit_call call, davit_blob blob, uint64_t offset, void *bytes,
		size_t cap, size_t *ret_n);

	/* Bytes in it; DAVIT_UNSUPPORTED for a stream. */
	int32_t(DAVIT_CALL *length)(davit_call call, davit_blob blob, uint64_t *ret_bytes);

	void(DAVIT_CALL *close)(davit_call call, davit_blob blob);

	/*
	 * Copies sealed blobs to where a caller named: files, [{"path", "blob": digest}], into
	 * folder, {"path":…} or {"uri":"file:///…"}. The host decides where may be written
	 * (export_roots). All are written or none, and nothing is overwritten: DAVIT_CONFLICT
	 * names what is there; with DAVIT_INVALID the reason was given to fail(). *ret_json:
	 * {"uri","files":[{"path","bytes"}]}.
	 */
	int32_t(DAVIT_CALL *save)(
		davit_call call, davit_buf folder, davit_buf files, davit_buf *ret_json);
} davit_host_blob_1;

/*
 * davit.host.job/1: for slots that make more than one change at the other side.
 */
typedef struct davit_host_job_1 {
	uint32_t size;
	uint32_t flags;

	/* Stores json with the submission, durable when it returns; the next submit or find of
	 * the same submission gets it as "checkpoint". DAVIT_UNSUPPORTED outside submit. */
	int32_t(DAVIT_CALL *checkpoint)(davit_call call, davit_buf json);
} davit_host_job_1;

/*
 * davit.host.process/1 (by grant "process"): supervised processes on the host's machine.
 * Each runs under davit-run, outlives the daemon, and is known by a name of [0-9a-z-], 1 to
 * 48 bytes. Its command runs at most once, however often start() is called, unless the spec
 * asks for restarts. Specification and files: docs/process.md.
 */
typedef struct davit_host_process_1 {
	uint32_t size;
	uint32_t flags;

	/* Starts what spec says (plugin-api/schemas/process-spec.json). DAVIT_OK also where a
	 * process of that name was started before: it is adopted, the spec ignored. */
	int32_t(DAVIT_CALL *start)(davit_call call, davit_buf name, davit_buf spec);

	/* {"state":"starting|running|exited|lost","pid","started_ms","finished_ms",
	 * "exit_code","signal","limit","restarts","applied","requests"}; DAVIT_NOT_FOUND.
	 * "requests": how many request() calls it is answering just now. Of a served process that
	 * was started again: "last_exit_code" or "last_signal", "last_limit", "last_error". */
	int32_t(DAVIT_CALL *inspect)(davit_call call, davit_buf name, davit_buf *ret_json);

	/* Asks the whole tree to stop (TERM, grace, KILL) and returns; inspect() sees the end. */
	int32_t(DAVIT_CALL *stop)(davit_call call, davit_buf name);

	/* Deletes a stopped process with its directory; DAVIT_CONFLICT while it runs. */
	int32_t(DAVIT_CALL *remove)(davit_call call, davit_buf name);

	/* A file of its directory by relative path ("log" is its output, cut in the middle past
	 * the limit); DAVIT_NOT_FOUND. Links and ".." are refused. "log@N" is its output from
	 * the byte N on, at most 256 KiB, behind a line with the place of the first one: N, or
	 * more where what was there is cut. */
	int32_t(DAVIT_CALL *open_file)(
		davit_call call, davit_buf name, davit_buf path, davit_blob *ret_blob);

	/* Regular files below path whose names are UTF-8: {"items":[{"path","bytes"}]}. */
	int32_t(DAVIT_CALL *list_files)(
		davit_call call, davit_buf name, davit_buf path, davit_buf *ret_json);

	/*
	 * One HTTP request to a served process over its own Unix socket. request: {"method",
	 * "path","content_type"?,"accept"?}; body 0: none. *ret_head: {"status","content_type"};
	 * *ret_body: the answer as it comes. DAVIT_RETRY while nobody listens yet.
	 */
	int32_t(DAVIT_CALL *request)(davit_call call, davit_buf name, davit_buf request,
		davit_blob body, davit_buf *ret_head, davit_blob *ret_body);
} davit_host_process_1;

typedef uint64_t davit_secret; /* a value the host keeps; valid until the call ends */

/* Flags of davit_host_http_1 requests. */
#define DAVIT_HTTP_MUTATES    (1u << 0) /* the other side changes something */
#define DAVIT_HTTP_IDEMPOTENT (1u << 1) /* it changes nothing more when it comes twice */

/*
 * davit.host.http/1: the only way to the network. A request is one
 * JSON object (plugin-api/schemas/http-request.json):
 *
 *   operation   what this is, for limits and the log: a key of the manifest's rate_limits or a
 *               word of the provider's own
 *   method, url
 *   headers     [[name, value]…]; a name may come twice
 *   body        a value, where the argument body is 0
 *   timeout_ms  of one attempt; the call's deadline holds for all together
 *   attempts    at most so many; 1: never again
 *   follow      redirects to follow, at most 5: none by default, and none where the request
 *               carries a secret; only the headers Accept…, Content-Type, Range and User-Agent
 *               go along, and to another origin no body
 *   stream      true: *ret_body is read while it comes, over HTTP/1.1
 *   keep        {word: JSON pointer}: those texts of a JSON answer become secrets, and the
 *               answer's body shows them as "***"; or {word: {"after", "before"}}, what stands
 *               between two texts of a successful answer in any format, where "" is its beginning
 *               and its end
 *
 * A value (of url, headers and body) is a text, or a list of parts: texts, {"secret": handle},
 * {"form": value}, {"base64": value} and {"json": value}, the last three a value written that
 * way. So a secret leaves without the provider having seen it.
 *
 * The head of the answer: {"status","headers":{name in lower case: value},"kept":{word:
 * handle},"attempts","unclear"?}. "unclear": true says that an attempt before the one that was
 * answered may have changed something: of a status that is no success nobody then knows what
 * became of the request. Any status is DAVIT_OK. Where no answer came: DAVIT_RETRY (certainly no
 * byte of the request left, the other side said over HTTP/2 that it did not touch it, or it has no
 * DAVIT_HTTP_MUTATES), DAVIT_INTERNAL (unclear what the
 * other side did), DAVIT_DEADLINE (the same, and the time is over), DAVIT_THROTTLED (the circuit is
 * open, or the rate has no room before the deadline), DAVIT_PERMANENT (the host, the address or the
 * certificate is not allowed), DAVIT_CANCELLED. With DAVIT_HTTP_MUTATES, DAVIT_THROTTLED and
 * DAVIT_PERMANENT mean that no attempt before can have changed anything; else it is
 * DAVIT_INTERNAL. The host knows why: it tells the user if the slot returns that code without
 * fail().
 *
 * The body that is sent is a value or a blob that is in memory or a file of known length: no
 * stream, and nothing that still grows. A request with the method HEAD has none.
 *
 * In a submit, and a change of an object that is not the making of one, what has DAVIT_HTTP_MUTATES
 * is on disk before it leaves (docs/exactly-once.md). DAVIT_RETRY: that could not be written;
 * DAVIT_CANCELLED: the job has gone on without this call; nothing left then. A submit that is
 * called again after a crash gets the recorded answers of what was done, with "attempts": 0, and
 * DAVIT_INTERNAL where it asks for something else.
 *
 * The host repeats by the table in docs/provider-guide.md: what may be sent again is a request
 * without DAVIT_HTTP_MUTATES, or with DAVIT_HTTP_IDEMPOTENT, or one of which no byte left or that
 * the other side did not touch.
 */
typedef struct davit_host_http_1 {
	uint32_t size;
	uint32_t flags;

	/* Sends request with the bytes of body (0: none) and waits. ret_body may be NULL. */
	int32_t(DAVIT_CALL *perform)(davit_call call, uint32_t flags, davit_buf request,
		davit_blob body, davit_buf *ret_head, davit_blob *ret_body);

	/* Several at once ([request…], up to 64): *ret_json is [{"code", and a head with "body" as
	 * text, or "error"}…] in the order of the requests. */
	int32_t(DAVIT_CALL *perform_many)(
		davit_call call, uint32_t flags, davit_buf requests, davit_buf *ret_json);
} davit_host_http_1;

/*
 * davit.host.secret/1: values stay in the host; the provider builds the text to be signed. What
 * went through here is replaced wherever the host writes texts; of an account whose details a
 * caller sent, in the texts of its calls. Algorithms: digests "sha256", "sha384", "sha512", "sha1",
 * "md5", "crc32c"; keyed "sha256", "sha1"; signatures "RS256", "ES256". DAVIT_UNSUPPORTED for
 * another.
 */
typedef struct davit_host_secret_1 {
	uint32_t size;
	uint32_t flags;

	/* The secret of a name the manifest lists, from the first of its sources that has it (of
	 * an account whose details a caller sent: of those that are its connection);
	 * DAVIT_NOT_FOUND: none has, DAVIT_AUTH: one cannot be read. A slot that returns that
	 * without a fail() of its own ends with DAVIT_AUTH either way. */
	int32_t(DAVIT_CALL *open)(davit_call call, davit_buf name, davit_secret *ret_secret);

	/* The digest of data, as bytes that live until the call ends. */
	int32_t(DAVIT_CALL *digest)(
		davit_call call, davit_buf algorithm, davit_buf data, davit_buf *ret_bytes);

	/* The keyed digest of data, as bytes. */
	int32_t(DAVIT_CALL *hmac)(davit_call call, davit_secret key, davit_buf algorithm,
		davit_buf data, davit_buf *ret_bytes);

	/* The same, kept by the host as a key for the next step. */
	int32_t(DAVIT_CALL *hmac_key)(davit_call call, davit_secret key, davit_buf algorithm,
		davit_buf data, davit_secret *ret_secret);

	/* A signature of data, as bytes (ES256: 64, r and s); key: a PEM private key.
	 * DAVIT_INVALID for the wrong sort of key. */
	int32_t(DAVIT_CALL *sign)(davit_call call, davit_secret key, davit_buf algorithm,
		davit_buf data, davit_buf *ret_bytes);

	/* The value itself; only with the grant "reveal", or of what the manifest calls plain; else
	 * DAVIT_UNSUPPORTED. */
	int32_t(DAVIT_CALL *reveal)(davit_call call, davit_secret key, davit_buf *ret_text);

	/* A secret made of before, the key and after. */
	int32_t(DAVIT_CALL *join)(davit_call call, davit_buf before, davit_secret key,
		davit_buf after, davit_secret *ret_secret);

	/* The bytes that key stands for in "base64" or "hex"; DAVIT_INVALID. */
	int32_t(DAVIT_CALL *decode)(
		davit_call call, davit_secret key, davit_buf encoding, davit_secret *ret_secret);

	/* The text at a JSON pointer of a key that is a JSON text; DAVIT_NOT_FOUND. */
	int32_t(DAVIT_CALL *member)(
		davit_call call, davit_secret key, davit_buf pointer, davit_secret *ret_secret);

	/* Makes a secret of a text the provider was given. */
	int32_t(DAVIT_CALL *mint)(davit_call call, davit_buf text, davit_secret *ret_secret);

	/* Keeps it, encrypted, for this instance and the call's connection: the source "kept" of
	 * that name has it from then on, until expires_ms (wall clock; 0: for ever). */
	int32_t(DAVIT_CALL *keep)(
		davit_call call, davit_buf name, davit_secret key, int64_t expires_ms);

	/* The digest ("sha256", "sha384", "sha512") of a value as http requests have them, a JSON
	 * text or list of parts: of a text in which secrets stand. */
	int32_t(DAVIT_CALL *digest_value)(
		davit_call call, davit_buf algorithm, davit_buf value, davit_buf *ret_bytes);

	/* A secret made of such a value. */
	int32_t(DAVIT_CALL *compose)(davit_call call, davit_buf value, davit_secret *ret_secret);
} davit_host_secret_1;

/*
 * davit.host.token/1: one access token per key, instance and connection for all calls, fetched
 * once however many ask. Key: 1 to 512 bytes.
 */
typedef struct davit_host_token_1 {
	uint32_t size;
	uint32_t flags;

	/* A live token, or DAVIT_NOT_FOUND: then this call alone must fetch and put() one; the
	 * others wait, or get the old one while it lives. If it ends without, the next one is
	 * asked. */
	int32_t(DAVIT_CALL *get)(davit_call call, davit_buf key, davit_secret *ret_token);

	/* The token for all who wait for it; expires_ms: wall clock. */
	int32_t(DAVIT_CALL *put)(
		davit_call call, davit_buf key, davit_secret token, int64_t expires_ms);

	/* The other side refused this token: nobody gets it any more. Fine where it is gone. */
	int32_t(DAVIT_CALL *drop)(davit_call call, davit_buf key, davit_secret token);
} davit_host_token_1;

#ifdef __cplusplus
}
#endif

#endif
