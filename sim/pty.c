/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

static const struct {
	int64_t baud;
	speed_t speed;
} SPEEDS[] = {
	{300, B300},       {600, B600},       {1200, B1200},     {2400, B2400},   {4800, B4800},
	{9600, B9600},     {19200, B19200},   {38400, B38400},   {57600, B57600}, {115200, B115200},
	{230400, B230400}, {460800, B460800}, {921600, B921600},
};

static int set_raw(int fd, int64_t baud)
{
	struct termios settings;

	if (tcgetattr(fd, &settings) != 0)
		return -errno;
	cfmakeraw(&settings);
	for (size_t i = 0; i < sizeof SPEEDS / sizeof *SPEEDS; i++)
		if (SPEEDS[i].baud == baud)
			(void)cfsetspeed(&settings, SPEEDS[i].speed); /* a known constant */
	return tcsetattr(fd, TCSANOW, &settings) == 0 ? 0 : -errno;
}

static int open_pair(struct pty *pty, int64_t baud)
{
	pty->master_fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (pty->master_fd < 0)
		return -errno;
	if (grantpt(pty->master_fd) != 0 || unlockpt(pty->master_fd) != 0 ||
	    ptsname_r(pty->master_fd, pty->device, sizeof pty->device) != 0)
		return -errno;
	pty->slave_fd = open(pty->device, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (pty->slave_fd < 0)
		return -errno;
	return set_raw(pty->slave_fd, baud);
}

static int make_link(struct pty *pty, const char *link, struct err *err)
{
	struct stat status;
	int code;

	if (lstat(link, &status) == 0) {
		if (!S_ISLNK(status.st_mode))
			return err_set(err, -EEXIST, "'%s' is there and is not a link", link);
		(void)unlink(link); /* if it stays, symlink() says why */
	}
	if (symlink(pty->device, link) != 0) {
		code = -errno;
		return err_set(err, code, "cannot make the link '%s': %s", link, err_name(code));
	}
	(void)snprintf(pty->link, sizeof pty->link, "%s", link);
	return 0;
}

int pty_open(struct pty *pty, const char *link, int64_t baud, struct err *err)
{
	int code;

	*pty = (struct pty){.master_fd = -1, .slave_fd = -1};
	code = open_pair(pty, baud);
	if (code != 0)
		(void)err_set(err, code, "cannot make a pseudo-terminal: %s", err_name(code));
	else
		code = make_link(pty, link, err);
	if (code != 0)
		pty_close(pty);
	return code;
}

void pty_close(struct pty *pty)
{
	char target[sizeof pty->device];
	ssize_t len = -1;

	if (pty->link[0] != '\0')
		len = readlink(pty->link, target, sizeof target);
	if (len > 0 && (size_t)len == strlen(pty->device) &&
	    memcmp(target, pty->device, (size_t)len) == 0)
		(void)unlink(pty->link); /* nothing depends on it */
	if (pty->slave_fd >= 0)
		(void)close(pty->slave_fd);
	if (pty->master_fd >= 0)
		(void)close(pty->master_fd);
	*pty = (struct pty){.master_fd = -1, .slave_fd = -1};
}

int64_t pty_baud(const struct pty *pty)
{
	struct termios settings;

	if (tcgetattr(pty->slave_fd, &settings) != 0)
		return 0;
	for (size_t i = 0; i < sizeof SPEEDS / sizeof *SPEEDS; i++)
		if (SPEEDS[i].speed == cfgetospeed(&settings))
			return SPEEDS[i].baud;
	return 0;
}
