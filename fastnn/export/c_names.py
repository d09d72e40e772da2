"""Names that a function in C may have."""

import re
from typing import Any

# The words of C up to C23.
_KEYWORDS = """
    alignas alignof asm auto bool break case char const constexpr continue default do
    double else enum extern false float for goto if inline int long nullptr register
    restrict return short signed sizeof static static_assert struct switch thread_local
    true typedef typeof typeof_unqual union unsigned void volatile while
    """
# Functions and macros of the C library and of Unix, which compilers know.
_LIBRARY = """
    abort abs acos acosh aligned_alloc alloca asin asinh atan atan2 atanh atexit
    atof atoi atol atoll bcmp bcopy bsearch bzero cabs cacos cacosh calloc carg
    casin casinh catan catanh cbrt ccos ccosh ceil cexp cimag clearerr clock clog
    conj copysign cos cosh cpow cproj creal csin csinh csqrt ctan ctanh ctime
    difftime div drem erf erfc errno execl execle execlp execv execve execvp exit
    exp exp10 exp2 expm1 fabs fclose fdim feclearexcept fegetenv fegetexceptflag
    fegetround feholdexcept feof feraiseexcept ferror fesetenv fesetexceptflag
    fesetround fetestexcept feupdateenv fflush ffs ffsl ffsll fgetc fgetpos fgets
    finite floor fma fmax fmin fmod fopen fork fpclassify fprintf fputc
    fputc_unlocked fputs fread free freopen frexp fscanf fseek fsetpos ftell fwide
    fwprintf fwrite fwrite_unlocked fwscanf gamma getc getchar getenv gets getwc
    gmtime hypot ilogb imaxabs imaxdiv index isalnum isalpha isascii isblank iscntrl
    isdigit isfinite isgraph isgreater isgreaterequal isinf isless islessequal
    islessgreater islower isnan isnormal isprint ispunct isspace isunordered isupper
    iswalnum iswalpha iswblank iswcntrl iswdigit iswgraph iswlower iswprint iswpunct
    iswspace iswupper iswxdigit isxdigit j0 j1 jn labs ldexp ldiv lgamma lgamma_r
    lgammaf_r lgammal_r linux llabs lldiv llrint llround localeconv localtime log
    log10 log1p log2 logb longjmp lrint lround main malloc math_errhandling mblen
    mbstowcs mbtowc memchr memcmp memcpy memmove memset mktime modf nan nearbyint
    nextafter nexttoward perror posix_memalign pow pow10 printf putc putc_unlocked
    putchar putchar_unlocked puts qsort raise rand realloc remainder remove remquo
    rename rewind rindex rint round scalb scalbln scalbn scanf setbuf setjmp
    setlocale setvbuf signal signbit significand sin sincos sinh snprintf sprintf
    sqrt srand sscanf stpcpy stpncpy strcasecmp strcat strchr strcmp strcoll strcpy
    strcspn strdup strerror strftime strlen strncasecmp strncat strncmp strncpy
    strndup strnlen strpbrk strrchr strspn strstr strtod strtof strtok strtol
    strtold strtoll strtoul strtoull strxfrm swprintf swscanf system tan tanh tgamma
    time tmpfile tmpnam toascii tolower toupper towlower towupper trunc ungetc
    ungetwc unix va_arg vfprintf vfscanf vprintf vscanf vsnprintf vsprintf vsscanf
    wcscpy wcslen wctomb wprintf wscanf y0 y1 yn HUGE_VAL HUGE_VALF HUGE_VALL
    INFINITY MATH_ERREXCEPT MATH_ERRNO NAN NULL
    """


def check_c_name(name: Any) -> str:
    """Return a name that a function in C can have, or raise an error."""
    if not isinstance(name, str):
        raise TypeError(f"name must be a string such as 'predict', not {name!r}")
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(
            f"name must be an identifier of C, not {name!r}: letters, digits and "
            "underscores, and no digit at the beginning"
        )
    if re.search("__|^_[A-Z]", name):
        raise ValueError(
            f"name must not be {name!r}: compilers keep names with two underscores, "
            "or an underscore before a capital, for themselves"
        )
    without_type = name[:-1] if name[-1] in "fl" and len(name) > 1 else name
    if name in _KEYWORDS.split():
        raise ValueError(f"name must not be {name!r}, a keyword: pass another name")
    if {name, without_type} & set(_LIBRARY.split()) or re.match("FP_|M_|FASTNN_", name):
        raise ValueError(
            f"name must not be {name!r}, which the C library has: pass another name"
        )
    return name
