#include "notify/curl_library.h"

#include <curl/curl.h>
#include <pthread.h>

static void init_library(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

void curl_library_use(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_library);
}
