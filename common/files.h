// common/files.h - how many files, sockets among them, the process may have open.
#ifndef RELAIS_FILES_H
#define RELAIS_FILES_H

// Raises the limit to the most that the process may give itself: the usual one, 1024,
// stands below one connection for each call in flight. Where that fails, the limit
// stays. For main(), before threads.
void files_raise_limit(void);

#endif
