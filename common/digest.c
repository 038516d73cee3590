/* SPDX-License-Identifier: Apache-2.0 */
#include "common/digest.h"

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <sys/random.h>

void digest_sha256(const void *data, size_t len, uint8_t out[DIGEST_BYTES])
{
	unsigned written = 0;
	int done = EVP_Digest(data, len, out, &written, EVP_sha256(), NULL);

	assert(done == 1 && written == DIGEST_BYTES);
}

void digest_sha256_hex(const void *data, size_t len, char out[DIGEST_HEX_MAX])
{
	static const char hex[] = "0123456789abcdef";
	uint8_t bytes[DIGEST_BYTES];

	digest_sha256(data, len, bytes);
	for (size_t i = 0; i < DIGEST_BYTES; i++) {
		out[2 * i] = hex[bytes[i] >> 4];
		out[2 * i + 1] = hex[bytes[i] & 15];
	}
	out[2 * DIGEST_BYTES] = '\0';
}

void digest_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
			uint8_t out[DIGEST_BYTES])
{
	unsigned written = 0;

	assert(key_len <= INT32_MAX);
	(void)HMAC(EVP_sha256(), key, (int)key_len, data, len, out, &written);
	assert(written == DIGEST_BYTES); /* fails only without memory */
}

static const char base64_letters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void digest_base64(const void *data, size_t len, struct buf *out)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t group = (uint32_t)bytes[i] << 16;

		group |= n > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
		group |= n > 2 ? bytes[i + 2] : 0;
		for (size_t k = 0; k < 4; k++)
			buf_add_char(out,
				     k <= n ? base64_letters[group >> (18 - 6 * k) & 63] : '=');
	}
}

int digest_from_base64(const char *text, size_t len, struct buf *out)
{
	size_t before = out->len, n_padding = 0;
	uint32_t group = 0;

	while (len > 0 && text[len - 1] == '=' && n_padding < 2) {
		len--;
		n_padding++;
	}
	if ((len + n_padding) % 4 != 0)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		const char *letter = text[i] != '\0' ? strchr(base64_letters, text[i]) : NULL;

		if (letter == NULL) {
			buf_cut(out, before);
			return -EINVAL;
		}
		group = group << 6 | (uint32_t)(letter - base64_letters);
		if (i % 4 != 0)
			buf_add_char(out, (char)(group >> (6 - 2 * (i % 4)) & 255));
	}
	return 0;
}

bool digest_equal(const uint8_t a[DIGEST_BYTES], const uint8_t b[DIGEST_BYTES])
{
	uint8_t difference = 0;

	for (size_t i = 0; i < DIGEST_BYTES; i++)
		difference |= (uint8_t)(a[i] ^ b[i]);
	return difference == 0;
}

void digest_random_token(char out[TOKEN_CHARACTERS + 1])
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint8_t bytes[DIGEST_BYTES + 1] = {0};
	ssize_t n = getrandom(bytes, DIGEST_BYTES, 0);

	assert(n == DIGEST_BYTES); /* up to 256 bytes come whole once the pool is ready */
	for (size_t i = 0; i < TOKEN_CHARACTERS; i++) {
		size_t bit = i * 6;
		unsigned pair = (unsigned)bytes[bit / 8] << 8 | bytes[bit / 8 + 1];

		out[i] = letters[pair >> (10 - bit % 8) & 63];
	}
	out[TOKEN_CHARACTERS] = '\0';
	explicit_bzero(bytes, sizeof bytes);
}
