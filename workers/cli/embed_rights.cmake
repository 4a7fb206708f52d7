# Writes OUT, a C file that holds FILE (schemas/directus/rights.txt) as bytes.
cmake_minimum_required(VERSION 3.25)
file(READ ${FILE} HEX HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," HEX "${HEX}")
file(WRITE ${OUT}.new
  "// Made by embed_rights.cmake from schemas/directus/rights.txt.\n"
  "#include \"workers/cli/doctor.h\"\n\n"
  "const unsigned char doctor_rights[] = {${HEX}0};\n")
file(RENAME ${OUT}.new ${OUT})
