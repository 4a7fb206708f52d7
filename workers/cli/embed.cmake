# Writes OUT, a C file that holds every *.sql of DIRECTORY as bytes (string literals may
# only have 4095 of them), in the order of their names. Those with "capture" in their name
# are for Directus's own database.
file(GLOB FILES ${DIRECTORY}/*.sql)
list(SORT FILES)
set(BYTES "")
set(ledger "")
set(capture "")
foreach(FILE ${FILES})
  get_filename_component(NAME ${FILE} NAME)
  string(MAKE_C_IDENTIFIER "sql_${NAME}" ID)
  file(READ ${FILE} HEX HEX)
  file(SHA256 ${FILE} SUM)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," HEX "${HEX}")
  string(APPEND BYTES "static const unsigned char ${ID}[] = {${HEX}0};\n")
  if(NAME MATCHES "capture")
    set(SET capture)
  else()
    set(SET ledger)
  endif()
  string(APPEND ${SET}
    "    {\"${NAME}\", \"${SUM}\", ${ID}},\n")
endforeach()
file(WRITE ${OUT}.new
  "// Made by embed.cmake from schemas/postgres/*.sql.\n"
  "#include \"workers/cli/migrations.h\"\n\n"
  "${BYTES}\n"
  "const struct migration migrations_ledger[] = {\n${ledger}    {0},\n};\n"
  "const struct migration migrations_capture[] = {\n${capture}    {0},\n};\n")
file(RENAME ${OUT}.new ${OUT})
