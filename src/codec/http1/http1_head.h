/* Inside the HTTP/1.1 parser: what a request line and a header section must be. */
#ifndef MUSTER_CODEC_HTTP1_HEAD_H
#define MUSTER_CODEC_HTTP1_HEAD_H

#include "codec/http1/http1.h"

/* One line of the head, with its line end. `is_first`: the request line, else a header or the empty line. */
enum http1_error http1_line_check(struct str line, bool is_first);
/* Sets method, target, path, query and minor_version. */
enum http1_error http1_request_line_parse(struct str line, struct http1_head *head);
/* Everything that several headers together must fulfil; sets host and expects_continue. The framing fields
 * (has_content_length, content_length, is_chunked) are those of llhttp, and must agree with the headers. */
enum http1_error http1_headers_check(struct http1_head *head);

#endif
