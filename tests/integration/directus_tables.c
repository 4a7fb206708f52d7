#include "tests/integration/directus_tables.h"

#define WHO                                                                           \
    ", user_created uuid, date_created timestamptz, user_updated uuid, date_updated " \
    "timestamptz);"
#define ID "id uuid PRIMARY KEY DEFAULT gen_random_uuid()"

const char directus_tables[] =
    "CREATE TABLE owner_companies (" ID ", code varchar(255) UNIQUE);"
    "CREATE TABLE companies (" ID ", name varchar(255)" WHO "CREATE TABLE people (" ID
    ", email varchar(255), owner_company varchar(255)" WHO "CREATE TABLE leads (" ID
    ", status varchar(255), owner_company varchar(255)" WHO "CREATE TABLE quotes (" ID
    ", status varchar(255), total numeric(12,2), metadata json,"
    " contact_id uuid REFERENCES people, owner_company_id uuid REFERENCES "
    "owner_companies" WHO "CREATE TABLE quote_items (" ID
    ", quote_id uuid REFERENCES quotes ON DELETE CASCADE" WHO
    "CREATE TABLE client_invoices (" ID ", quote_id uuid REFERENCES quotes ON DELETE"
    " CASCADE, owner_company varchar(255)" WHO "CREATE TABLE invoice_items (" ID
    ", invoice_id uuid REFERENCES client_invoices ON"
    " DELETE CASCADE" WHO "CREATE TABLE payments (" ID
    ", amount numeric(12,2), owner_company varchar(255),"
    " invoice_id uuid REFERENCES client_invoices ON DELETE CASCADE" WHO
    "CREATE TABLE cgv_acceptances (" ID ", status varchar(255)" WHO;
