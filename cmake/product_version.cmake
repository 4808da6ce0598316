# cmake -D SOURCE=… -D VERSION=… -D OUTPUT=… [-D COMMIT=…] -P product_version.cmake
# Writes the C++ file that knows version and commit; leaves it alone when it would be the same, so that nothing is linked anew.
# COMMIT, where git is not at hand (an image, a package of the sources); else what git says of SOURCE; else "unknown".
if(NOT COMMIT)
  set(COMMIT unknown)
  # A copy of the sources inside somebody else's repository has not the commit of that.
  execute_process(COMMAND git -c safe.directory=${SOURCE} -C ${SOURCE} rev-parse --show-toplevel
                  OUTPUT_VARIABLE toplevel OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE status)
  if(status EQUAL 0)
    file(REAL_PATH ${SOURCE} source)
    file(REAL_PATH ${toplevel} toplevel)
    if(source STREQUAL toplevel)
      execute_process(COMMAND git -c safe.directory=${SOURCE} -C ${SOURCE} describe --always --dirty --abbrev=10 --exclude=*
                      OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE status)
      if(status EQUAL 0 AND described MATCHES "^[0-9a-z-]+$")
        set(COMMIT ${described})
      endif()
    endif()
  endif()
endif()

file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT [[
#include "cli/product_version.h"

namespace hirestream {

const char* product_version() {
  return "@VERSION@";
}

const char* product_commit() {
  return "@COMMIT@";
}

}  // namespace hirestream
]])
