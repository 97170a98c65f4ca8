# davit_embed(OUT FILE SYMBOL): a C source with the bytes of a text file as
# `const char SYMBOL[]`, ended by a NUL; its path is in OUT. Made when configuring, so that
# other folders can compile it too; a change of the file configures anew. ASCII only.

function(davit_embed ret_source file symbol)
  get_filename_component(path "${file}" ABSOLUTE)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
  file(READ ${path} hex HEX)
  if(hex MATCHES "^(..)*([89a-f].)")
    message(FATAL_ERROR "${file} has a character that is not ASCII")
  endif()
  string(REGEX REPLACE "(................................)" "\\1\n\t" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${symbol}.c)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT
"/* Made of ${file}; see cmake/DavitEmbed.cmake. */
extern const char ${symbol}[];
const char ${symbol}[] = {
\t${hex}0,
};
")
  set(${ret_source} ${source} PARENT_SCOPE)
endfunction()
