/* multipart/form-data (RFC 7578, RFC 2046 section 5.1) from bytes, without I/O and without keeping what is in the parts:
 * a part of gigabytes passes through in slices. What senders disagree about is refused rather than guessed.
 *
 *   for (;;) {
 *       enum multipart_event event = multipart_parse(&parser, data + used, len - used, &n);
 *       used += n;
 *       switch (event) {
 *       case MULTIPART_PART:      look at parser.part
 *       case MULTIPART_DATA:      take parser.data
 *       case MULTIPART_PART_END:  the part is whole
 *       case MULTIPART_NEED_MORE: return; once the body has ended it is well-formed if multipart_is_complete(&parser)
 *       case MULTIPART_FAILED:    answer 400
 *       }
 *   } */
#ifndef MUSTER_CODEC_MULTIPART_H
#define MUSTER_CODEC_MULTIPART_H

#include "base/arena.h"
#include "base/buf.h"

#define MULTIPART_BOUNDARY_BYTES_MAX 70 /* RFC 2046 section 5.1.1 */
#define MULTIPART_PARTS_MAX 64
#define MULTIPART_HEAD_BYTES_MAX 8192   /* the headers of one part */

enum multipart_event {
    MULTIPART_NEED_MORE, /* everything was consumed */
    MULTIPART_PART,      /* the headers of the next part are complete */
    MULTIPART_DATA,      /* some bytes of the part, never none */
    MULTIPART_PART_END,
    MULTIPART_FAILED,    /* no multipart body, or beyond a limit above; said again */
};

struct multipart_part {
    struct str name;         /* of the form's field; may be empty */
    struct str filename;     /* ptr NULL: none was sent */
    struct str content_type; /* ptr NULL: none was sent */
};

enum multipart_state {
    MULTIPART_IN_PREAMBLE,
    MULTIPART_IN_DELIMITER_END, /* behind "--boundary" */
    MULTIPART_IN_HEAD,
    MULTIPART_IN_PART,
    MULTIPART_IN_EPILOGUE,
    MULTIPART_BROKEN,
};

struct multipart {
    enum multipart_state state;
    struct multipart_part part; /* valid from MULTIPART_PART to the next one; in the parser's memory */
    struct str data;            /* of the last MULTIPART_DATA; valid until the next call */
    char delimiter[MULTIPART_BOUNDARY_BYTES_MAX + 4]; /* CR LF "--" boundary */
    size_t delimiter_len, matched;
    struct buf head;            /* of a part, or what stands behind a delimiter */
    struct arena arena;         /* of `part` */
    unsigned parts;
};

/* True if the value of a Content-Type header says multipart/form-data with a valid boundary; *ret_boundary borrows from
 * it. */
bool multipart_boundary(struct str content_type, struct str *ret_boundary);
/* True if it says multipart/form-data at all. */
bool multipart_is_meant(struct str content_type);

void multipart_init(struct multipart *parser, struct str boundary); /* boundary: of multipart_boundary; copied */
void multipart_deinit(struct multipart *parser);
enum multipart_event multipart_parse(struct multipart *parser, const uint8_t *data, size_t len, size_t *ret_consumed);
bool multipart_is_complete(const struct multipart *parser); /* the closing delimiter was seen */

#endif
