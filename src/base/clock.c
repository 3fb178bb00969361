#include "base/clock.h"

#include <math.h>
#include <time.h>

#define MS_PER_DAY INT64_C(86400000)
#define UNIX_MS_YEAR_0 INT64_C(-62167219200000)
#define UNIX_MS_YEAR_9999_END INT64_C(253402300799999)
#define FIRST_NUMBER_IN_MS 1e11 /* device-api.md 1.6.3 */

static uint64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t clock_monotonic_ms(void)
{
    return monotonic_ns() / 1000000u;
}

uint64_t clock_monotonic_us(void)
{
    return monotonic_ns() / 1000u;
}

int64_t clock_unix_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct date {
    int64_t year;
    int64_t month;
    int64_t day;
};

/* Days since 1970-01-01 to a date of the Gregorian calendar and back (Howard Hinnant, "chrono-compatible low-level
 * date algorithms"): years begin in March, in eras of 400 years. */
static struct date date_from_days(int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    int64_t day = day_of_year - (153 * month + 2) / 5 + 1;
    month += month < 10 ? 3 : -9;
    return (struct date){year_of_era + era * 400 + (month <= 2), month, day};
}

static int64_t days_from_date(struct date date)
{
    int64_t year = date.year - (date.month <= 2);
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void put_digits(char *text, unsigned count, int64_t value)
{
    while (count > 0) {
        text[--count] = (char)('0' + value % 10);
        value /= 10;
    }
}

void time_format(int64_t unix_ms, char ret_text[TIME_TEXT_BYTES])
{
    if (unix_ms < UNIX_MS_YEAR_0) { /* four digits cannot show more */
        unix_ms = UNIX_MS_YEAR_0;
    } else if (unix_ms > UNIX_MS_YEAR_9999_END) {
        unix_ms = UNIX_MS_YEAR_9999_END;
    }
    int64_t ms = ((unix_ms % MS_PER_DAY) + MS_PER_DAY) % MS_PER_DAY;
    struct date date = date_from_days((unix_ms - ms) / MS_PER_DAY);
    memcpy(ret_text, "0000-00-00T00:00:00.000Z", TIME_TEXT_BYTES);
    put_digits(ret_text, 4, date.year);
    put_digits(ret_text + 5, 2, date.month);
    put_digits(ret_text + 8, 2, date.day);
    put_digits(ret_text + 11, 2, ms / 3600000);
    put_digits(ret_text + 14, 2, ms / 60000 % 60);
    put_digits(ret_text + 17, 2, ms / 1000 % 60);
    put_digits(ret_text + 20, 3, ms % 1000);
}

/* The parser: each step takes its part off the front of the text. */

static bool take_char(struct str *text, const char *any_of)
{
    if (text->len == 0 || text->ptr[0] == '\0' || !strchr(any_of, text->ptr[0])) {
        return false;
    }
    *text = str_sub(*text, 1, text->len - 1);
    return true;
}

static bool take_number(struct str *text, size_t digits, int64_t low, int64_t high, int64_t *ret_value)
{
    uint64_t value;
    if (text->len < digits || !str_to_u64(str_sub(*text, 0, digits), &value)) {
        return false;
    }
    *text = str_sub(*text, digits, text->len);
    *ret_value = (int64_t)value;
    return *ret_value >= low && *ret_value <= high;
}

static bool take_date(struct str *text, int64_t *ret_days)
{
    struct date date;
    if (!take_number(text, 4, 0, 9999, &date.year) || !take_char(text, "-") ||
        !take_number(text, 2, 1, 12, &date.month) || !take_char(text, "-") ||
        !take_number(text, 2, 1, 31, &date.day)) {
        return false;
    }
    *ret_days = days_from_date(date);
    return date_from_days(*ret_days).day == date.day; /* false: 30 February */
}

static bool take_fraction(struct str *text, int64_t *ret_ms)
{
    int64_t scale = 100;
    int64_t ms = 0;
    size_t digits = 0;
    while (digits < text->len && text->ptr[digits] >= '0' && text->ptr[digits] <= '9') {
        ms += scale * (text->ptr[digits] - '0');
        scale /= 10; /* what is finer than a millisecond is cut off */
        digits++;
    }
    *text = str_sub(*text, digits, text->len);
    *ret_ms = ms;
    return digits > 0;
}

static bool take_time_of_day(struct str *text, int64_t *ret_ms)
{
    int64_t hour;
    int64_t minute;
    int64_t second = 0;
    int64_t ms = 0;
    if (!take_number(text, 2, 0, 23, &hour) || !take_char(text, ":") || !take_number(text, 2, 0, 59, &minute)) {
        return false;
    }
    if (take_char(text, ":")) {
        if (!take_number(text, 2, 0, 60, &second)) { /* 60: a leap second */
            return false;
        }
        if (take_char(text, ".,") && !take_fraction(text, &ms)) {
            return false;
        }
    }
    *ret_ms = ((hour * 60 + minute) * 60 + second) * 1000 + ms;
    return true;
}

static bool take_zone(struct str *text, int64_t *ret_offset_ms)
{
    int64_t hours;
    int64_t minutes = 0;
    *ret_offset_ms = 0;
    if (text->len == 0 || take_char(text, "Zz")) {
        return true;
    }
    bool west = text->ptr[0] == '-';
    if (!take_char(text, "+-") || !take_number(text, 2, 0, 23, &hours)) {
        return false;
    }
    bool colon = take_char(text, ":");
    if ((colon || text->len > 0) && !take_number(text, 2, 0, 59, &minutes)) {
        return false;
    }
    *ret_offset_ms = (hours * 60 + minutes) * 60000 * (west ? -1 : 1);
    return true;
}

bool time_parse_iso(struct str text, int64_t *ret_unix_ms)
{
    int64_t days;
    int64_t ms = 0;
    int64_t offset_ms = 0;
    if (!take_date(&text, &days)) {
        return false;
    }
    if (text.len > 0) {
        if (!take_char(&text, "Tt ") || !take_time_of_day(&text, &ms) || !take_zone(&text, &offset_ms) || text.len > 0) {
            return false;
        }
    }
    *ret_unix_ms = days * MS_PER_DAY + ms - offset_ms;
    return true;
}

bool time_from_number(double value, int64_t *ret_unix_ms)
{
    double ms = value >= FIRST_NUMBER_IN_MS ? value : value * 1000;
    if (!(ms >= 0 && ms <= (double)UNIX_MS_YEAR_9999_END)) { /* also refuses what is not a number */
        return false;
    }
    *ret_unix_ms = llround(ms);
    return true;
}
