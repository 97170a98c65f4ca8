# Writes a C source that holds the bytes of a file:
# cmake -DINPUT=file -DOUTPUT=file.c -DHEADER=its/header.h -DNAME=name -P embed.cmake
file(READ ${INPUT} bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n\t" bytes
  "${bytes}")
file(WRITE ${OUTPUT} "#include \"${HEADER}\"\n
const unsigned char ${NAME}_text[] = {\n\t${bytes}\n};
const size_t ${NAME}_size = sizeof(${NAME}_text);\n")
