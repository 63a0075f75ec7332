// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tries ways to reach private pages; see gmem_attack.h.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gmem_attack.h"

/* How long a path may take to be both refused and let by. */
#define LIMIT_MS	20000
/* So often it is tried at least, on pages that change meanwhile. */
#define ATTEMPTS	8

/**
 * struct tally - what one path has come to.
 * @tried: attempts.
 * @refused: of these, refused.
 * @passed: of these, let by.
 */
struct tally {
	unsigned long tried;
	unsigned long refused;
	unsigned long passed;
};

/**
 * struct attack - one path, while it is tried.
 * @o: the oracle.
 * @path: the path.
 * @private: tries on the page that is always private.
 * @shared: tries on the page that is always shared.
 * @churn: tries on pages that the guest converts.
 * @secrets: attempts that have brought back a secret.
 * @secret: the last of these.
 * @wrong: attempts on the shared page that did not do what they say.
 */
struct attack {
	struct gmem_oracle *o;
	const struct gmem_path *path;
	struct tally private;
	struct tally shared;
	struct tally churn;
	unsigned long secrets;
	uint64_t secret;
	unsigned long wrong;
};

__thread sigjmp_buf gmem_sigbus_jump;
__thread volatile bool gmem_sigbus_expected;

static uint32_t nonce;

static void on_sigbus(int signal)
{
	if (gmem_sigbus_expected)
		siglongjmp(gmem_sigbus_jump, 1);
	_exit(KSFT_FAIL);
}

void gmem_catch_sigbus(void)
{
	struct sigaction action = {
		.sa_handler = on_sigbus,
		.sa_flags = SA_NODEFER,
	};

	TEST_ASSERT(!sigaction(SIGBUS, &action, NULL), "sigaction");
}

static void copy_words(uint64_t *to, const uint64_t *from)
{
	int i;

	for (i = 0; i < GMEM_PAGE_WORDS; i++)
		WRITE_ONCE(to[i], READ_ONCE(from[i]));
}

int gmem_copy(uint64_t *to, const uint64_t *from)
{
	int ret = gmem_guarded(copy_words(to, from));

	return ret ?: PAGE_SIZE;
}

uint64_t gmem_nonce(void)
{
	return GMEM_WORD(GMEM_HOST, nonce);
}

static void count(struct tally *tally, int ret)
{
	tally->tried++;
	if (ret > 0)
		tally->passed++;
	else
		tally->refused++;
}

/* The words that the shared page has before an attempt. */
static void fill_shared(struct attack *a, uint64_t word)
{
	uint64_t *words = gmem_page_addr(a->o, GMEM_PAGE_SHARED);
	int i;

	for (i = 0; i < GMEM_PAGE_WORDS; i++)
		WRITE_ONCE(words[i], word);
}

static int try_read(struct attack *a, unsigned int page, struct tally *tally)
{
	static uint64_t buf[GMEM_PAGE_WORDS] __aligned(PAGE_SIZE);
	bool shared = page == GMEM_PAGE_SHARED;
	uint64_t secret;
	int ret;

	nonce++;
	if (shared)
		fill_shared(a, gmem_nonce());
	memset(buf, 0, sizeof(buf));
	ret = a->path->read(a->o, page, buf);
	count(tally, ret);

	/* Even a refusal may have left something behind. */
	secret = gmem_find_secret(buf, sizeof(buf));
	if (secret) {
		a->secrets++;
		a->secret = secret;
	}
	if (shared && ret > 0 && buf[0] != gmem_nonce())
		a->wrong++;
	return ret;
}

static int try_write(struct attack *a, unsigned int page, struct tally *tally)
{
	static uint64_t buf[GMEM_PAGE_WORDS] __aligned(PAGE_SIZE);
	const uint64_t before = GMEM_WORD(GMEM_HOST, 0);
	bool shared = page == GMEM_PAGE_SHARED;
	uint64_t *words = gmem_page_addr(a->o, page);
	bool written;
	int ret, i;

	nonce++;
	for (i = 0; i < GMEM_PAGE_WORDS; i++)
		buf[i] = gmem_nonce();
	if (shared)
		fill_shared(a, before);
	ret = a->path->write(a->o, page, buf);
	if (shared && (a->path->flags & GMEM_ITS_WORDS)) {
		for (i = 0; i < GMEM_PAGE_WORDS; i++)
			if (READ_ONCE(words[i]) != before)
				break;
		written = i < GMEM_PAGE_WORDS;
	} else if (shared) {
		written = READ_ONCE(words[0]) == gmem_nonce();
	}
	if (shared && (a->path->flags & GMEM_BLIND))
		ret = written;
	else if (shared && ret > 0 && !written)
		a->wrong++;
	count(tally, ret);
	return ret;
}

static void try_page(struct attack *a, unsigned int page, struct tally *tally)
{
	if (a->path->read)
		try_read(a, page, tally);
	if (a->path->write)
		try_write(a, page, tally);
}

static unsigned long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Pages change their state while it is tried: it must have met both. */
static bool has_met_both(const struct attack *a)
{
	if (a->churn.tried < ATTEMPTS)
		return false;
	return (a->path->flags & (GMEM_NEVER | GMEM_BLIND)) ||
	       (a->churn.refused && a->churn.passed);
}

static void try_for(struct attack *a, unsigned long ms)
{
	unsigned int nr = a->o->nr_vcpus * GMEM_CHURN_PER_VCPU;
	unsigned long begun = now_ms(), spent;
	struct gmem_guest start, sum;
	unsigned int i = 0;

	gmem_oracle_sum(a->o, &start);
	do {
		try_page(a, GMEM_PAGE_PRIVATE, &a->private);
		try_page(a, GMEM_PAGE_SHARED, &a->shared);
		try_page(a, GMEM_PAGE_CHURN + i++ % nr, &a->churn);
		try_page(a, GMEM_PAGE_CHURN + random() % nr, &a->churn);
		gmem_oracle_sum(a->o, &sum);
		spent = now_ms() - begun;
	} while (!a->secrets &&
		 (spent < ms || (spent < LIMIT_MS &&
				 (!has_met_both(a) ||
				  sum.to_private == start.to_private))));
}

static void show(const char *what, const struct tally *tally)
{
	ksft_print_msg("  %s: %lu attempts, %lu refused, %lu let by\n", what,
		       tally->tried, tally->refused, tally->passed);
}

static bool is_true(bool fact, const char *text)
{
	if (!fact)
		ksft_print_msg("  %s\n", text);
	return fact;
}

static bool judge_path(const struct attack *a)
{
	bool never = a->path->flags & GMEM_NEVER;
	bool good = true;

	show("private", &a->private);
	show("shared", &a->shared);
	show("converted meanwhile", &a->churn);
	if (a->secrets)
		ksft_print_msg("  %lu attempts see a secret, the last one %lx\n",
			       a->secrets, a->secret);
	good &= !a->secrets;
	if (!(a->path->flags & GMEM_BLIND))
		good &= is_true(!a->private.passed, "it reaches a private page");
	if (never)
		good &= is_true(!a->shared.passed && !a->churn.passed,
				"it should never work");
	else
		good &= is_true(!a->shared.refused,
				"it does not reach a shared page");
	good &= is_true(!a->wrong, "it does not do what it says");
	good &= is_true(has_met_both(a), "it was not tried on enough pages of both kinds");
	return good;
}

/* What the guest has seen since @before. */
static bool judge_guest(struct gmem_oracle *o, const struct gmem_guest *before,
			unsigned long errors)
{
	bool settled = gmem_oracle_settle(o);
	struct gmem_guest sum;
	bool good = true;

	gmem_oracle_sum(o, &sum);
	ksft_print_msg("  guest: %lu conversions, %lu busy, %lu private words looked at\n",
		       sum.to_private - before->to_private,
		       sum.busy - before->busy, sum.words - before->words);
	if (sum.violations != before->violations) {
		ksft_print_msg("  guest: %lu words are not its own\n",
			       sum.violations - before->violations);
		ksft_print_msg("  page %lu word %lu: %lx instead of %lx\n",
			       sum.page, sum.index, sum.found, sum.wanted);
		good = false;
	}
	if (READ_ONCE(o->errors) != errors) {
		ksft_print_msg("  %s\n", o->error);
		good = false;
	}
	good &= is_true(settled, "the guest is stuck");
	good &= is_true(sum.to_private > before->to_private,
			"the guest has converted nothing");
	return good;
}

static bool run_path(struct gmem_oracle *o, const struct gmem_path *path,
		     unsigned long ms)
{
	struct attack attack = { .o = o, .path = path };
	unsigned long errors = READ_ONCE(o->errors);
	struct gmem_guest before;
	bool good;
	int ret;

	gmem_oracle_sum(o, &before);
	ret = path->open ? path->open(o) : 0;
	if (ret) {
		ksft_print_msg("  cannot begin: %s\n", strerror(-ret));
		return false;
	}
	try_for(&attack, ms);
	if (path->close)
		path->close(o);
	good = judge_path(&attack);
	return judge_guest(o, &before, errors) && good;
}

static bool run_check(struct gmem_oracle *o, const struct gmem_check *check)
{
	unsigned long errors = READ_ONCE(o->errors);
	struct gmem_guest before;
	bool good;

	gmem_oracle_sum(o, &before);
	good = check->run(o);
	return judge_guest(o, &before, errors) && good;
}

void gmem_require_kernel(void)
{
	TEST_REQUIRE(kvm_check_cap(KVM_CAP_VM_TYPES) &
		     BIT(KVM_X86_SW_PROTECTED_VM));
	TEST_REQUIRE(kvm_check_cap(KVM_CAP_GUEST_MEMFD_MEMORY_ATTRIBUTES) &
		     KVM_MEMORY_ATTRIBUTE_PRIVATE);
}

void __noreturn gmem_attack_main(int argc, char *argv[],
				 const struct gmem_path *paths,
				 const struct gmem_check *checks,
				 void *spare_code)
{
	const char *only = NULL;
	const struct gmem_check *check;
	const struct gmem_path *path;
	unsigned long ms = 200;
	struct gmem_oracle o;
	int vcpus = 2;
	int planned = 0;
	int opt;

	while ((opt = getopt(argc, argv, "t:v:p:")) != -1) {
		switch (opt) {
		case 't':
			ms = atoi_positive("milliseconds", optarg);
			break;
		case 'v':
			vcpus = atoi_positive("vCPUs", optarg);
			break;
		case 'p':
			only = optarg;
			break;
		default:
			printf("usage: %s [-t ms for each path] [-v vCPUs] [-p path]\n",
			       argv[0]);
			exit(KSFT_FAIL);
		}
	}

	gmem_require_kernel();
	ksft_print_header();
	for (path = paths; path->name; path++)
		planned += !only || !strcmp(only, path->name);
	for (check = checks; check->name; check++)
		planned += !only || !strcmp(only, check->name);
	ksft_set_plan(planned);

	gmem_catch_sigbus();
	gmem_oracle_create(&o, vcpus, spare_code);
	gmem_oracle_start(&o);
	for (path = paths; path->name; path++)
		if (!only || !strcmp(only, path->name))
			ksft_test_result(run_path(&o, path, ms), "%s\n",
					 path->name);
	for (check = checks; check->name; check++)
		if (!only || !strcmp(only, check->name))
			ksft_test_result(run_check(&o, check), "%s\n",
					 check->name);
	gmem_oracle_stop(&o);
	ksft_finished();
}
