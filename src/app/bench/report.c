#include "app/bench/report.h"

#include <stdio.h>

#include "app/bench/client.h"

struct usage_mark usage_begin(const struct bench_options *options)
{
    struct usage_mark mark = {.at_ns = bench_now_ns()};
    mark.has_server = options->pid && meter_read(options->pid, &mark.server);
    if (!meter_read(0, &mark.own)) {
        mark.own = (struct meter){0};
    }
    return mark;
}

struct usage usage_end(const struct bench_options *options, const struct usage_mark *mark)
{
    struct usage_mark now = usage_begin(options);
    struct usage usage = {
        .has_server = mark->has_server && now.has_server,
        .seconds = (double)(now.at_ns - mark->at_ns) / 1e9,
        .own_cpu_s = now.own.cpu_seconds - mark->own.cpu_seconds,
    };
    if (usage.has_server) {
        usage.server_cpu_s = now.server.cpu_seconds - mark->server.cpu_seconds;
        usage.server_rss_bytes = now.server.rss_bytes;
        usage.server_peak_bytes = now.server.peak_bytes;
    }
    return usage;
}

static void separate(struct report *report)
{
    if (report->json) {
        printf("%s", report->has_fields ? "," : "{");
    }
    report->has_fields = true;
}

void report_begin(struct report *report, const struct bench_options *options, const char *event)
{
    *report = (struct report){.json = options->json};
    if (report->json) {
        report_text(report, "event", NULL, event);
        report_text(report, "mode", NULL, bench_mode_name(options->mode));
    } else {
        printf("%s: %s\n", bench_mode_name(options->mode), event);
    }
}

/* `value` is written by us and holds nothing that JSON would have to escape. */
void report_text(struct report *report, const char *name, const char *label, const char *value)
{
    separate(report);
    if (report->json) {
        printf("\"%s\":\"%s\"", name, value);
    } else {
        printf("  %-34s %s\n", label ? label : name, value);
    }
}

void report_count(struct report *report, const char *name, const char *label, uint64_t value)
{
    separate(report);
    if (report->json) {
        printf("\"%s\":%llu", name, (unsigned long long)value);
    } else {
        printf("  %-34s %llu\n", label, (unsigned long long)value);
    }
}

void report_number(struct report *report, const char *name, const char *label, double value, const char *unit)
{
    separate(report);
    if (report->json) {
        printf("\"%s\":%.6g", name, value);
    } else if (value >= 1000) {
        printf("  %-34s %.0f %s\n", label, value, unit);
    } else {
        printf("  %-34s %.3g %s\n", label, value, unit);
    }
}

void report_latency(struct report *report, const char *name, const char *label, const struct histogram *histogram)
{
    if (!histogram->count) {
        return;
    }
    double p50 = (double)histogram_quantile(histogram, 0.5) / 1e3;
    double p99 = (double)histogram_quantile(histogram, 0.99) / 1e3;
    double max = (double)histogram->max / 1e3;
    separate(report);
    if (report->json) {
        printf("\"%s_p50_us\":%.1f,\"%s_p99_us\":%.1f,\"%s_max_us\":%.1f", name, p50, name, p99, name, max);
    } else {
        printf("  %-34s p50 %.0f us, p99 %.0f us, max %.0f us\n", label, p50, p99, max);
    }
}

void report_usage(struct report *report, const struct usage *usage, double events, const char *kind)
{
    char label[96];
    report_number(report, "generator_cpu_share", "this process, share of a core", usage->own_cpu_s / usage->seconds, "");
    if (!usage->has_server) {
        return;
    }
    report_number(report, "server_cpu_seconds", "server, CPU", usage->server_cpu_s, "s");
    report_number(report, "server_cpu_share", "server, share of a core", usage->server_cpu_s / usage->seconds, "");
    if (events > 0 && usage->server_cpu_s > 0) {
        snprintf(label, sizeof label, "%s per CPU-second", kind);
        report_number(report, "per_cpu_second", label, events / usage->server_cpu_s, "");
        snprintf(label, sizeof label, "server, CPU of one of them");
        report_number(report, "cpu_us_each", label, usage->server_cpu_s * 1e6 / events, "us");
    }
    report_count(report, "server_rss_bytes", "server, resident bytes", usage->server_rss_bytes);
    report_count(report, "server_peak_bytes", "server, most resident bytes", usage->server_peak_bytes);
}

void report_handshakes(struct report *report, const struct tls_client *tls)
{
    if (tls) {
        uint64_t all, resumed;
        tls_client_handshakes(tls, &all, &resumed);
        report_count(report, "handshakes", "TLS handshakes", all);
        report_count(report, "resumed", "of them resumed", resumed);
    }
}

void report_end(struct report *report)
{
    printf(report->json ? "}\n" : "\n");
    fflush(stdout);
}
