// tests/integration/directus_tables.h - the captured tables as Directus makes them,
// with few of their columns.
#ifndef RELAIS_DIRECTUS_TABLES_H
#define RELAIS_DIRECTUS_TABLES_H

extern const char directus_tables[];

#endif
