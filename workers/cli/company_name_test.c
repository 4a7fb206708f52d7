#include "workers/cli/company_name.h"

#include "tests/harness/test.h"

static void
case_blanks_and_legal_forms_make_no_difference(void **state)
{
    (void)state;
    assert_true(company_name_same("ENKI_REALTY", "Enki Realty"));
    assert_true(company_name_same("ENKI REALTY", "Enki-Realty SA"));
    assert_true(company_name_same("Enki Realty S.A.", " enki realty"));
    assert_true(company_name_same("HYPERVISUAL", "HyperVisual Sàrl"));
    assert_true(company_name_same("ÉTUDE SÀRL", "Étude sàrl"));
    assert_true(company_name_same("SA", "sa"));
}

static void
other_companies_are_others(void **state)
{
    (void)state;
    assert_false(company_name_same("ENKI", "ENKI_REALTY"));
    assert_false(company_name_same("ENKI HOTEL", "ENKI REALTY"));
    assert_false(company_name_same("LEXAIA", "TAKEOUT"));
    assert_false(company_name_same("SA", "AG"));
    assert_false(company_name_same("", ""));
    assert_false(company_name_same(" - ", ""));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_blanks_and_legal_forms_make_no_difference),
        cmocka_unit_test(other_companies_are_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
