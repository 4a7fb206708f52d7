# Writes OUT, a C file that holds the SQL files of DIRECTORY (for the ledger's database) and
# of DIRECTORY/capture (for Directus's own) as bytes, because string literals may only have
# 4095 of them, in the order of their names.
cmake_minimum_required(VERSION 3.25)
set(BYTES "")
set(ROWS_ledger "")
set(ROWS_capture "")
foreach(SET ledger capture)
  if(SET STREQUAL "ledger")
    file(GLOB FILES ${DIRECTORY}/*.sql)
  else()
    file(GLOB FILES ${DIRECTORY}/capture/*.sql)
  endif()
  list(SORT FILES)
  foreach(FILE ${FILES})
    get_filename_component(NAME ${FILE} NAME)
    string(MAKE_C_IDENTIFIER "${SET}_${NAME}" ID)
    file(READ ${FILE} HEX HEX)
    file(SHA256 ${FILE} SUM)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," HEX "${HEX}")
    string(APPEND BYTES "static const unsigned char ${ID}[] = {${HEX}0};\n")
    string(APPEND ROWS_${SET} "    {\"${NAME}\", \"${SUM}\", ${ID}},\n")
  endforeach()
endforeach()
file(WRITE ${OUT}.new
  "// Made by embed.cmake from schemas/postgres.\n"
  "#include \"workers/cli/migrations.h\"\n\n"
  "${BYTES}\n"
  "const struct migration migrations_ledger[] = {\n${ROWS_ledger}    {0},\n};\n"
  "const struct migration migrations_capture[] = {\n${ROWS_capture}    {0},\n};\n")
file(RENAME ${OUT}.new ${OUT})
