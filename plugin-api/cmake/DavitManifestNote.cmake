# davit_write_manifest_note(MANIFEST OUTPUT): a C file that puts the manifest into the note
# section ".note.davit" (layout: davit/manifest.h). Needs nothing but CMake.
#
# Without a CMake project:
#   cmake -DMANIFEST=manifest.json -DOUTPUT=note.c -P DavitManifestNote.cmake

# What CMake can say about the text: is it JSON, and does it say what it is?
function(_davit_check_manifest manifest)
  file(READ "${manifest}" text)
  string(JSON kind ERROR_VARIABLE problem TYPE "${text}")
  if(problem)
    message(FATAL_ERROR "${manifest} is not JSON: ${problem}")
  elseif(NOT kind STREQUAL "OBJECT")
    message(FATAL_ERROR "${manifest} is not a JSON object")
  endif()
  foreach(member "manifest:NUMBER" "id:STRING" "version:STRING" "interfaces:OBJECT")
    string(REPLACE ":" ";" member "${member}")
    list(GET member 0 name)
    list(GET member 1 wanted)
    string(JSON kind ERROR_VARIABLE problem TYPE "${text}" "${name}")
    if(NOT kind STREQUAL wanted)
      message(FATAL_ERROR "${manifest}: member \"${name}\" must be there as ${wanted}")
    endif()
  endforeach()
endfunction()

# 16 bytes a line of the assembly text of the note.
function(_davit_hex_to_bytes hex ret_text)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," text "${hex}")
  string(REGEX REPLACE "((0x..,)(0x..,)?(0x..,)?(0x..,)?(0x..,)?(0x..,)?(0x..,)?(0x..,)?)"
    "\t\".byte \\1\\\\n\"\n" text "${text}")
  string(REPLACE ",\\n" "\\n" text "${text}")
  set(${ret_text} "${text}" PARENT_SCOPE)
endfunction()

function(davit_write_manifest_note manifest output)
  _davit_check_manifest("${manifest}")
  file(SIZE "${manifest}" size)
  if(size GREATER 262144)
    message(FATAL_ERROR "${manifest} has ${size} bytes; a host accepts 262144")
  endif()
  file(SHA256 "${manifest}" sha)
  file(READ "${manifest}" hex HEX)
  _davit_hex_to_bytes("${sha}" sha_bytes)
  _davit_hex_to_bytes("${hex}" json_bytes)
  math(EXPR descsz "48 + ${size}")
  string(CONCAT text
    "/* The manifest as an ELF note: davit/manifest.h. Made by the build. */\n"
    "#if defined(__clang__) || defined(__GNUC__)\n"
    "#pragma GCC diagnostic ignored \"-Woverlength-strings\"\n"
    "#endif\n"
    "__asm__(\n"
    "\t\".pushsection .note.davit,\\\"a\\\",%note\\n\"\n"
    "\t\".balign 4\\n\"\n"
    "\t\".long 6, ${descsz}, 1\\n\"\n"
    "\t\".asciz \\\"Davit\\\"\\n\"\n"
    "\t\".balign 4\\n\"\n"
    "\t\".ascii \\\"DAVITMF1\\\"\\n\"\n"
    "\t\".long ${size}, 0\\n\"\n"
    "${sha_bytes}${json_bytes}"
    "\t\".balign 4\\n\"\n"
    "\t\".popsection\\n\");\n"
    "typedef int davit_manifest_note; /* a translation unit is not empty */\n")
  file(CONFIGURE OUTPUT "${output}" CONTENT "${text}" @ONLY)
endfunction()

if(CMAKE_SCRIPT_MODE_FILE AND CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
  if(NOT MANIFEST OR NOT OUTPUT)
    message(FATAL_ERROR "cmake -DMANIFEST=… -DOUTPUT=… -P ${CMAKE_CURRENT_LIST_FILE}")
  endif()
  get_filename_component(OUTPUT "${OUTPUT}" ABSOLUTE)
  davit_write_manifest_note("${MANIFEST}" "${OUTPUT}")
endif()
