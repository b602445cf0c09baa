package userservice;

final class Main {
  public static void main(String[] a) {}
}
