/* attr - the compiler attributes we use, empty where a compiler has none. */
#ifndef HOST_BASE_ATTR_H
#define HOST_BASE_ATTR_H

#if defined(__GNUC__) || defined(__clang__)
#define ATTR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define ATTR_NODISCARD         __attribute__((warn_unused_result))
#else
#define ATTR_PRINTF(fmt, args)
#define ATTR_NODISCARD
#endif

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
