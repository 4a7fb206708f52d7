#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness_json.h"
#include "harness_time.h"
#include "mautic.h"

enum { TEXT_MAX_CHARACTERS = 191 };

// The names under which Mautic knows countries; it takes no codes.
static const char countries[] =
    "|Afghanistan|Aland Islands|Albania|Algeria|American Samoa|Andorra|Angola|Anguilla"
    "|Antarctica|Antigua and Barbuda|Argentina|Armenia|Aruba|Australia|Austria"
    "|Azerbaijan|Bahamas|Bahrain|Bangladesh|Barbados|Belarus|Belgium|Belize|Benin"
    "|Bermuda|Bhutan|Bolivia|Bonaire, Saint Eustatius and Saba|Bosnia and Herzegovina"
    "|Botswana|Bouvet Island|Brazil|British Indian Ocean Territory"
    "|British Virgin Islands|Brunei|Bulgaria|Burkina Faso|Burundi|Cambodia|Cameroon"
    "|Canada|Cape Verde|Cayman Islands|Central African Republic|Chad|Chile|China"
    "|Christmas Island|Cocos Islands|Colombia|Comoros|Cook Islands|Costa Rica|Croatia"
    "|Cuba|Curacao|Cyprus|Czech Republic|Democratic Republic of the Congo|Denmark"
    "|Djibouti|Dominica|Dominican Republic|East Timor|Ecuador|Egypt|El Salvador"
    "|Equatorial Guinea|Eritrea|Estonia|Ethiopia|Falkland Islands|Faroe Islands|Fiji"
    "|Finland|France|French Guiana|French Polynesia|French Southern Territories|Gabon"
    "|Gambia|Georgia|Germany|Ghana|Gibraltar|Greece|Greenland|Grenada|Guadeloupe|Guam"
    "|Guatemala|Guernsey|Guinea|Guinea-Bissau|Guyana|Haiti"
    "|Heard Island and McDonald Islands|Honduras|Hong Kong|Hungary|Iceland|India"
    "|Indonesia|Iran|Iraq|Ireland|Isle of Man|Israel|Italy|Ivory Coast|Jamaica|Japan"
    "|Jersey|Jordan|Kazakhstan|Kenya|Kiribati|Kosovo|Kuwait|Kyrgyzstan|Laos|Latvia"
    "|Lebanon|Lesotho|Liberia|Libya|Liechtenstein|Lithuania|Luxembourg|Macao|Macedonia"
    "|Madagascar|Malawi|Malaysia|Maldives|Mali|Malta|Marshall Islands|Martinique"
    "|Mauritania|Mauritius|Mayotte|Mexico|Micronesia|Moldova|Monaco|Mongolia|Montenegro"
    "|Montserrat|Morocco|Mozambique|Myanmar|Namibia|Nauru|Nepal|Netherlands"
    "|New Caledonia|New Zealand|Nicaragua|Niger|Nigeria|Niue|Norfolk Island|North Korea"
    "|Northern Mariana Islands|Norway|Oman|Pakistan|Palau|Palestinian Territory|Panama"
    "|Papua New Guinea|Paraguay|Peru|Philippines|Pitcairn|Poland|Portugal|Puerto Rico"
    "|Qatar|Republic of the Congo|Reunion|Romania|Russia|Rwanda|Saint Barthelemy"
    "|Saint Helena|Saint Kitts and Nevis|Saint Lucia|Saint Martin"
    "|Saint Pierre and Miquelon|Saint Vincent and the Grenadines|Samoa|San Marino"
    "|Sao Tome and Principe|Saudi Arabia|Senegal|Serbia|Seychelles|Sierra Leone"
    "|Singapore|Sint Maarten|Slovakia|Slovenia|Solomon Islands|Somalia|South Africa"
    "|South Georgia and the South Sandwich Islands|South Korea|South Sudan|Spain"
    "|Sri Lanka|Sudan|Suriname|Svalbard and Jan Mayen|Swaziland|Sweden|Switzerland"
    "|Syria|Taiwan|Tajikistan|Tanzania|Thailand|Togo|Tokelau|Tonga|Trinidad and Tobago"
    "|Tunisia|Turkey|Turkmenistan|Turks and Caicos Islands|Tuvalu|U.S. Virgin Islands"
    "|Uganda|Ukraine|United Arab Emirates|United Kingdom|United States"
    "|United States Minor Outlying Islands|Uruguay|Uzbekistan|Vanuatu|Vatican|Venezuela"
    "|Vietnam|Wallis and Futuna|Western Sahara|Yemen|Zambia|Zimbabwe|";

bool
value_is_country(const char *name)
{
    char *wanted = NULL;
    if (strchr(name, '|') != NULL || asprintf(&wanted, "|%s|", name) < 0)
        return false;
    bool found = strstr(countries, wanted) != NULL;
    free(wanted);
    return found;
}

// fr, fr_CH, zh_Hans_CN
static bool
is_locale(const char *text)
{
    size_t language = strcspn(text, "_");
    if (language < 2 || language > 3 || !islower((unsigned char)*text))
        return false;
    for (const char *p = text + language; *p != '\0';) {
        size_t bytes = strcspn(p + 1, "_");
        if (bytes < 2 || bytes > 4 || !isupper((unsigned char)p[1]))
            return false;
        p += bytes + 1;
    }
    return true;
}

// A code of two capitals stands where a name should.
static bool
is_region(const char *text)
{
    return strlen(text) > 2;
}

static bool
is_timezone(const char *text)
{
    return strcmp(text, "UTC") == 0 || strchr(text, '/') != NULL;
}

static bool
is_choice(const struct field *field, const char *text)
{
    if (strcmp(field->type, "country") == 0)
        return value_is_country(text);
    if (strcmp(field->type, "locale") == 0)
        return is_locale(text);
    if (strcmp(field->type, "timezone") == 0)
        return is_timezone(text);
    return strcmp(field->type, "region") != 0 || is_region(text);
}

static bool
is_email(const char *text)
{
    const char *at = strchr(text, '@');
    const char *dot = at == NULL ? NULL : strrchr(at, '.');
    return at != NULL && at > text && strchr(at + 1, '@') == NULL && dot != NULL
           && dot > at + 1 && dot[1] != '\0' && text[strcspn(text, " ")] == '\0';
}

// Drops, in place, what PHP's filter for addresses drops.
static void
clean_email(char *text)
{
    char *to = text;
    for (const char *p = text; *p != '\0'; p++) {
        if (isalnum((unsigned char)*p)
            || (*p != '\0' && strchr("!#$%&'*+-=?^_`{|}~@.[]", *p) != NULL))
            *to++ = *p;
    }
    *to = '\0';
}

static char *
invalid_email(const char *email)
{
    char *text = NULL;
    if (asprintf(&text, "%s is invalid.", email) < 0)
        abort();
    return text;
}

static char *
check_text(const struct field *field, const char *given, struct json_object **clean)
{
    char *text = text_without_tags(given);
    char *problem = NULL;
    bool email = strcmp(field->type, "email") == 0;
    if (email)
        clean_email(text);
    if (*text != '\0' && !is_choice(field, text))
        problem = strdup("This value is not valid.");
    else if (*text != '\0' && email && !is_email(text))
        problem = invalid_email(text);
    else if (text_characters(text) > TEXT_MAX_CHARACTERS)
        problem = strdup("This value is too long. It should have 191 characters or "
                         "less.");
    if (problem == NULL)
        *clean = json_object_new_string(text);
    free(text);
    return problem;
}

static char *
check_number(struct json_object *value, struct json_object **clean)
{
    char *end = NULL;
    const char *text = json_object_get_string(value);
    double number = strtod(text, &end);
    if (*text != '\0' && *end != '\0')
        return strdup("This value is not valid.");
    if (*text == '\0')
        *clean = json_object_new_string("");
    else if (strpbrk(text, ".eE") == NULL)
        *clean = json_object_new_int64((int64_t)number);
    else
        *clean = json_object_new_double_s(number, text);
    return NULL;
}

static char *
check_time(const struct field *field, const char *text, struct json_object **clean)
{
    int64_t at_ms = 0;
    char out[SQL_TIME_BYTES] = "";
    if (*text != '\0' && !time_parse(text, &at_ms))
        return strdup("This value is not valid.");
    if (*text != '\0')
        text_sql_time(at_ms, out);
    if (strcmp(field->type, "date") == 0)
        out[10] = '\0';
    *clean = json_object_new_string(out);
    return NULL;
}

char *
value_check(const struct field *field, struct json_object *value,
            struct json_object **clean)
{
    *clean = NULL;
    if (value == NULL)
        return NULL;
    if (json_object_is_type(value, json_type_array)
        || json_object_is_type(value, json_type_object))
        return strdup("This value is not valid.");
    if (strcmp(field->type, "number") == 0)
        return check_number(value, clean);
    if (strcmp(field->type, "boolean") == 0) {
        *clean = json_object_new_int(json_object_get_boolean(value));
        return NULL;
    }
    const char *text = json_object_get_string(value);
    if (strncmp(field->type, "date", 4) == 0)
        return check_time(field, text, clean);
    return check_text(field, text, clean);
}
