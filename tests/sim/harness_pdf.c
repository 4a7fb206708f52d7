#include "harness_pdf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PDF_MAX_BYTES = 16384, STREAM_MAX_BYTES = 8192, OBJECTS = 5 };

struct pdf {
    char *text;
    size_t bytes;
    size_t offsets[OBJECTS + 1];
};

__attribute__((format(printf, 2, 3))) static void
add(struct pdf *pdf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    size_t room = PDF_MAX_BYTES - pdf->bytes;
    int wrote = vsnprintf(pdf->text + pdf->bytes, room, fmt, args);
    va_end(args);
    pdf->bytes += (size_t)wrote < room ? (size_t)wrote : room - 1;
}

static void
begin_object(struct pdf *pdf, int number)
{
    pdf->offsets[number] = pdf->bytes;
    add(pdf, "%d 0 obj\n", number);
}

// PDF text in the standard encoding: other bytes become question marks.
static size_t
add_text(char *out, size_t at, const char *text)
{
    for (; *text != '\0' && at + 3 < STREAM_MAX_BYTES; text++) {
        if (strchr("()\\", *text) != NULL)
            out[at++] = '\\';
        out[at++] = (char)(*text >= ' ' && *text < 127 ? *text : '?');
    }
    return at;
}

static size_t
make_stream(const char *const *lines, size_t count, char *out)
{
    size_t at =
        (size_t)snprintf(out, STREAM_MAX_BYTES, "BT /F1 11 Tf 56 780 Td 15 TL\n");
    for (size_t i = 0; i < count && at + 200 < STREAM_MAX_BYTES; i++) {
        out[at++] = '(';
        at = add_text(out, at, lines[i]);
        at += (size_t)snprintf(out + at, STREAM_MAX_BYTES - at, ") Tj T*\n");
    }
    at += (size_t)snprintf(out + at, STREAM_MAX_BYTES - at, "ET");
    return at;
}

static void
add_tail(struct pdf *pdf)
{
    size_t table = pdf->bytes;
    add(pdf, "xref\n0 %d\n0000000000 65535 f \n", OBJECTS + 1);
    for (int i = 1; i <= OBJECTS; i++)
        add(pdf, "%010zu 00000 n \n", pdf->offsets[i]);
    add(pdf, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%zu\n%%%%EOF\n",
        OBJECTS + 1, table);
}

char *
pdf_make(const char *const *lines, size_t count, size_t *bytes)
{
    struct pdf pdf = {.text = malloc(PDF_MAX_BYTES)};
    char *stream = malloc(STREAM_MAX_BYTES);
    if (pdf.text == NULL || stream == NULL)
        abort();
    size_t length = make_stream(lines, count, stream);
    add(&pdf, "%%PDF-1.4\n");
    begin_object(&pdf, 1);
    add(&pdf, "<< /Type /Catalog /Pages 2 0 R >>\nendobj\n");
    begin_object(&pdf, 2);
    add(&pdf, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n");
    begin_object(&pdf, 3);
    add(&pdf, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
              " /Resources << /Font << /F1 5 0 R >> >> >>\nendobj\n");
    begin_object(&pdf, 4);
    add(&pdf, "<< /Length %zu >>\nstream\n%.*s\nendstream\nendobj\n", length,
        (int)length, stream);
    begin_object(&pdf, 5);
    add(&pdf, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>\nendobj\n");
    add_tail(&pdf);
    free(stream);
    *bytes = pdf.bytes;
    return pdf.text;
}
