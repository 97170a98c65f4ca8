# Warnings, and the two shapes every folder below host/ and tests/ uses.

add_library(davit_warnings INTERFACE)
target_compile_options(davit_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
  -Wold-style-definition -Wvla -Wformat=2 -Wundef -Wpointer-arith -Wcast-align -Wwrite-strings
  -Wimplicit-fallthrough -fno-common)

# davit_component(NAME SOURCES … LINK …): the static library davit_NAME of host/NAME.
function(davit_component name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_library(davit_${name} STATIC ${arg_SOURCES})
  target_include_directories(davit_${name} PUBLIC ${PROJECT_SOURCE_DIR}/host)
  target_compile_definitions(davit_${name} PRIVATE _GNU_SOURCE)
  target_link_libraries(davit_${name} PUBLIC ${arg_LINK} PRIVATE davit_warnings)
endfunction()

# davit_unit_test(NAME SOURCES … LINK …): a cmocka program run by ctest.
function(davit_unit_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${name} PRIVATE _GNU_SOURCE)
  target_link_libraries(${name} PRIVATE ${arg_LINK} PkgConfig::CMOCKA davit_warnings)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 300)
endfunction()
