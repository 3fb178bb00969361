/* libcurl's own start-up, once per process. Any thread. */
#ifndef MUSTER_NOTIFY_CURL_LIBRARY_H
#define MUSTER_NOTIFY_CURL_LIBRARY_H

void curl_library_use(void);

#endif
