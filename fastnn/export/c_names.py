"""Names that a function in C may have."""

import re
from typing import Any

# Words of C up to C23 and of C++, in which the file may be included.
_KEYWORDS = """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t
    char16_t char32_t class co_await co_return co_yield compl concept const const_cast
    consteval constexpr constinit continue decltype default delete do double
    dynamic_cast else enum explicit export extern false float for friend goto if inline
    int long mutable namespace new noexcept not not_eq nullptr operator or
    or_eq private protected public register reinterpret_cast requires restrict return
    short signed sizeof static static_assert static_cast struct switch template this
    thread_local throw true try typedef typeid typename typeof typeof_unqual union
    unsigned using virtual void volatile wchar_t while xor xor_eq
    """
# Functions of the C library, which compilers know, and macros of theirs.
_LIBRARY = """
    abort abs acos acosh asin asinh atan atan2 atanh atexit atof atoi atol atoll bsearch
    cabs cacos cacosh calloc carg casin casinh catan catanh cbrt ccos ccosh ceil cexp
    cimag clearerr clock clog conj copysign cos cosh cpow cproj creal csin csinh csqrt
    ctan ctanh ctime difftime div erf erfc exit exp exp2 expm1 fabs fclose fdim feof
    ferror fflush fgetc fgetpos fgets floor fma fmax fmin fmod fopen fprintf fputc fputs
    fread free freopen frexp fscanf fseek fsetpos ftell fwide fwprintf fwrite fwscanf
    getc getchar getenv gets getwc gmtime hypot ilogb imaxabs imaxdiv isalnum isalpha
    isblank iscntrl isdigit isgraph islower isprint ispunct isspace isupper iswalnum
    iswalpha isxdigit labs ldexp ldiv lgamma llabs lldiv llrint llround localeconv
    localtime log log10 log1p log2 logb longjmp lrint lround main malloc mblen mbstowcs
    mbtowc memchr memcmp memcpy memmove memset mktime modf nan nearbyint nextafter
    nexttoward perror pow printf putc putchar puts qsort raise rand realloc remainder
    remove remquo rename rewind rint round scalbln scalbn scanf setbuf setjmp setlocale
    setvbuf signal sin sinh snprintf sprintf sqrt srand sscanf strcat strchr strcmp
    strcoll strcpy strcspn strerror strftime strlen strncat strncmp strncpy strpbrk
    strrchr strspn strstr strtod strtof strtok strtol strtold strtoll strtoul strtoull
    strxfrm swprintf swscanf system tan tanh tgamma time tmpfile tmpnam tolower toupper
    towlower towupper trunc ungetc ungetwc va_arg vfprintf vprintf vscanf vsnprintf
    vsprintf vsscanf wcscpy wcslen wctomb wprintf wscanf
    errno fpclassify isfinite isgreater isinf isless isnan isnormal isunordered
    isgreaterequal islessequal islessgreater linux math_errhandling signbit unix
    INFINITY NAN NULL HUGE_VAL HUGE_VALF HUGE_VALL MATH_ERRNO MATH_ERREXCEPT
    """


def check_c_name(name: Any) -> str:
    """Return a name that a function in C and C++ can have, or raise an error."""
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
