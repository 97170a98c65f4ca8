# davit_add_provider(NAME SOURCES file… MANIFEST manifest.json): builds NAME.so, a provider.
#
# The manifest becomes part of the file, the SDK is compiled in, and of all symbols only
# davit_provider_query can be seen. An undefined symbol is an error of the link: what is not
# libc or libm is not there for a provider. C++ sources are linked without the C++ library.

include(${CMAKE_CURRENT_LIST_DIR}/DavitManifestNote.cmake)

# Sanitizers leave symbols open that only the host program brings.
function(_davit_has_sanitizer ret_yes)
  string(TOUPPER "${CMAKE_BUILD_TYPE}" config)
  set(flags "${CMAKE_C_FLAGS} ${CMAKE_C_FLAGS_${config}} ${CMAKE_CXX_FLAGS}")
  string(FIND "${flags} ${CMAKE_MODULE_LINKER_FLAGS}" "-fsanitize=" at)
  if(at GREATER -1)
    set(${ret_yes} TRUE PARENT_SCOPE)
  else()
    set(${ret_yes} FALSE PARENT_SCOPE)
  endif()
endfunction()

# The link of a provider, without its manifest.
function(davit_link_provider name)
  set(map ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/provider.map)
  set_target_properties(${name} PROPERTIES
    PREFIX "" SUFFIX ".so" LINKER_LANGUAGE C POSITION_INDEPENDENT_CODE ON
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    SKIP_BUILD_RPATH ON LINK_DEPENDS ${map})
  target_link_libraries(${name} PRIVATE davit::plugin-api m)
  target_link_options(${name} PRIVATE
    LINKER:-z,now LINKER:-z,relro LINKER:-z,noexecstack LINKER:--as-needed
    LINKER:--gc-sections LINKER:--exclude-libs,ALL LINKER:--version-script=${map})
  _davit_has_sanitizer(sanitized)
  if(NOT sanitized)
    # No start files: then nothing at all runs when the file is loaded, which a host checks.
    target_link_options(${name} PRIVATE LINKER:-z,defs -nostartfiles)
  endif()
endfunction()

function(davit_add_provider name)
  cmake_parse_arguments(arg "" "MANIFEST" "SOURCES" ${ARGN})
  if(NOT arg_MANIFEST OR NOT arg_SOURCES)
    message(FATAL_ERROR "davit_add_provider(NAME SOURCES file… MANIFEST manifest.json)")
  endif()
  get_filename_component(manifest "${arg_MANIFEST}" ABSOLUTE)
  set(note ${CMAKE_CURRENT_BINARY_DIR}/${name}_manifest.c)
  davit_write_manifest_note(${manifest} ${note})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${manifest})

  get_property(sdk GLOBAL PROPERTY DAVIT_SDK_SOURCE)
  add_library(${name} MODULE ${arg_SOURCES} ${sdk} ${note})
  target_compile_features(${name} PRIVATE c_std_11)
  target_compile_options(${name} PRIVATE -ffunction-sections -fdata-sections)
  davit_link_provider(${name})
endfunction()
