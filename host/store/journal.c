/* journal - see journal.h: its kinds as a table. */
#include "store/journal.h"

#include <assert.h>
#include <string.h>

#include "base/attr.h"

static const struct {
	const char *word; /* durable: never change one that was released */
	bool needed;
} kinds[] = {
	[JOURNAL_NONE] = {"", false},
	[JOURNAL_EDGE] = {"edge", true},
	[JOURNAL_SENT] = {"sent", true},
	[JOURNAL_UNSENT] = {"unsent", true},
	[JOURNAL_ANSWERED] = {"answered", true},
	[JOURNAL_UNCLEAR] = {"unclear", true},
	[JOURNAL_CHECKPOINT] = {"checkpoint", true},
	[JOURNAL_FOUND] = {"found", false},
	[JOURNAL_MISSING] = {"missing", true},
	[JOURNAL_CALL] = {"call", false},
	[JOURNAL_DECISION] = {"decision", true},
	[JOURNAL_CANCEL] = {"cancel", true},
	[JOURNAL_REMOVE] = {"remove", true},
	[JOURNAL_NOTE] = {"note", false},
	[JOURNAL_GAP] = {"gap", false},
};

static_assert(COUNT(kinds) == JOURNAL_KIND_COUNT, "a row for each kind");

const char *journal_word(enum journal_kind kind)
{
	assert((unsigned)kind < JOURNAL_KIND_COUNT);
	return kinds[kind].word;
}

bool journal_kind_of(const char *word, enum journal_kind *ret_kind)
{
	for (size_t i = JOURNAL_NONE + 1; i < COUNT(kinds); i++) {
		if (strcmp(kinds[i].word, word) == 0) {
			*ret_kind = (enum journal_kind)i;
			return true;
		}
	}
	return false;
}

bool journal_needed(enum journal_kind kind)
{
	assert((unsigned)kind < JOURNAL_KIND_COUNT);
	return kinds[kind].needed;
}
