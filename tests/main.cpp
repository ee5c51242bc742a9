// Catch2 makes its main here.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
