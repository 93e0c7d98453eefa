# AZL_APXS
# --------
# Find apxs (--with-apxs=PATH) and ask it about the httpd we build for. Sets
# and substitutes:
#   APXS              the tool itself
#   HTTPD             the server binary, called httpd or apache2
#   HTTPD_VERSION     for the summary
#   HTTPD_CPPFLAGS    include directory and the defines httpd was built with
#   HTTPD_CFLAGS      its code generation flags that this compiler takes too
#   HTTPD_MODULES     where its modules are
#   HTTPD_LIBEXECDIR  where ours is installed (--with-moduledir)
# When apxs belongs to an httpd with an APR of its own, that APR is used and
# not the one pkg-config would find.
AC_DEFUN([AZL_APXS], [
  AC_ARG_WITH([apxs],
    [AS_HELP_STRING([--with-apxs=PATH],
      [build for the httpd this apxs belongs to])],
    [], [with_apxs=yes])
  AS_CASE([$with_apxs],
    [no], [AC_MSG_ERROR([apxs is needed: --with-apxs=PATH])],
    [yes|""], [AC_PATH_PROGS([APXS], [apxs apxs2], [],
      [$PATH$PATH_SEPARATOR/usr/sbin$PATH_SEPARATOR/usr/local/apache2/bin])],
    [APXS=$with_apxs])
  AS_IF([test -z "$APXS" || test ! -x "$APXS"],
    [AC_MSG_ERROR([no apxs found. Debian and Ubuntu: apt-get install \
apache2-dev; Fedora: dnf install httpd-devel; else --with-apxs=PATH])])
  AC_SUBST([APXS])

  AC_MSG_CHECKING([for the httpd of $APXS])
  azl_sbindir=`$APXS -q SBINDIR 2>/dev/null`
  azl_progname=`$APXS -q PROGNAME 2>/dev/null`
  HTTPD=
  for azl_name in $azl_progname httpd apache2; do
    AS_IF([test -z "$HTTPD" && test -x "$azl_sbindir/$azl_name"],
      [HTTPD=$azl_sbindir/$azl_name])
  done
  AS_IF([test -n "$HTTPD"],
    [AC_MSG_RESULT([$HTTPD])],
    [AC_MSG_RESULT([not found (only the tests need it)])])
  AC_SUBST([HTTPD])

  HTTPD_VERSION=`$APXS -q HTTPD_VERSION 2>/dev/null`
  AC_SUBST([HTTPD_VERSION])

  azl_includedir=`$APXS -q INCLUDEDIR`
  AS_IF([test ! -f "$azl_includedir/httpd.h"],
    [AC_MSG_ERROR([$APXS names $azl_includedir, which has no httpd.h])])
  HTTPD_CPPFLAGS="-I$azl_includedir `$APXS -q EXTRA_CPPFLAGS 2>/dev/null`"
  AC_SUBST([HTTPD_CPPFLAGS])

  # A distribution's flags may hold what only its own compiler knows. Link
  # time optimisation is left out: it makes objects that another compiler, a
  # sanitizer or -fanalyzer cannot read. Optimisation, debug information and
  # warnings are this build's own affair.
  azl_flags=
  for azl_flag in `$APXS -q CFLAGS 2>/dev/null` \
                  `$APXS -q EXTRA_CFLAGS 2>/dev/null`; do
    AS_CASE([$azl_flag],
      [-flto*|-ffat-lto-objects|-specs=*|-f*-prefix-map=*], [],
      [-O*|-g*|-W*|-pie|-fPIE|-fPIC], [],
      [-D*|-I*|-U*], [],
      [azl_flags="$azl_flags $azl_flag"])
  done
  AC_MSG_CHECKING([whether $CC takes httpd's$azl_flags])
  azl_save_CFLAGS=$CFLAGS
  CFLAGS="$CFLAGS -Werror$azl_flags"
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
    [AC_MSG_RESULT([yes])],
    [AC_MSG_RESULT([no, left out]); azl_flags=])
  CFLAGS=$azl_save_CFLAGS
  HTTPD_CFLAGS=$azl_flags
  AC_SUBST([HTTPD_CFLAGS])

  HTTPD_MODULES=`$APXS -q LIBEXECDIR`
  AC_SUBST([HTTPD_MODULES])
  AC_ARG_WITH([moduledir],
    [AS_HELP_STRING([--with-moduledir=DIR],
      [install the module here instead of where apxs says])],
    [HTTPD_LIBEXECDIR=$with_moduledir],
    [HTTPD_LIBEXECDIR=$HTTPD_MODULES])
  AC_SUBST([HTTPD_LIBEXECDIR])

  azl_apr_config=`$APXS -q APR_CONFIG 2>/dev/null`
  AS_IF([test -z "$APR_CFLAGS$APR_LIBS" && test -x "$azl_apr_config"],
    [APR_CFLAGS=`$azl_apr_config --includes --cppflags`
     APR_LIBS=`$azl_apr_config --link-ld`])
  azl_apu_config=`$APXS -q APU_CONFIG 2>/dev/null`
  AS_IF([test -z "$APU_CFLAGS$APU_LIBS" && test -x "$azl_apu_config"],
    [APU_CFLAGS=`$azl_apu_config --includes`
     APU_LIBS=`$azl_apu_config --link-ld`])
])

# AZL_COMPILE_FLAG(FLAG, VARIABLE)
# --------------------------------
# Append FLAG to VARIABLE if the compiler knows it.
AC_DEFUN([AZL_COMPILE_FLAG], [
  AC_MSG_CHECKING([whether $CC takes $1])
  azl_save_CFLAGS=$CFLAGS
  CFLAGS="$CFLAGS -Werror $1"
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
    [AC_MSG_RESULT([yes]); $2="$$2 $1"],
    [AC_MSG_RESULT([no])])
  CFLAGS=$azl_save_CFLAGS
])
